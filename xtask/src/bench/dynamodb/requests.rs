//! The operations that are measured, and their requests.

use crate::bench::{clock, sign};

/// Items with one partition key.
const PARTITION: usize = 100;
/// Items of one batch.
const BATCH: usize = 25;
/// A number without common factors with counts of items, so that steps reach all of them.
const STEP: usize = 7919;

pub const CREATE_TABLE: &str = r#"{"TableName":"Bench","BillingMode":"PAY_PER_REQUEST","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"},{"AttributeName":"sk","KeyType":"RANGE"}],"AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"},{"AttributeName":"sk","AttributeType":"S"}]}"#;

/// The table's content.
pub struct Table {
    pub items: usize,
    /// Length of the attribute that makes most of an item.
    pub item_bytes: usize,
}

impl Table {
    fn keys(n: usize) -> String {
        let (partition, sort) = (n / PARTITION, n % PARTITION);
        format!(r#""pk":{{"S":"user#{partition:07}"}},"sk":{{"S":"item#{sort:02}"}}"#)
    }

    fn item(&self, n: usize) -> String {
        let keys = Table::keys(n);
        let text = "abcdefghij0123456789".repeat(self.item_bytes.div_ceil(20));
        let text = &text[..self.item_bytes];
        format!(r#"{{{keys},"n":{{"N":"{n}"}},"d":{{"S":"{text}"}}}}"#)
    }

    fn put_requests(&self, items: impl Iterator<Item = usize>) -> String {
        let puts: Vec<String> =
            items.map(|n| format!(r#"{{"PutRequest":{{"Item":{}}}}}"#, self.item(n))).collect();
        format!(r#"{{"RequestItems":{{"Bench":[{}]}}}}"#, puts.join(","))
    }

    /// How many requests make all items.
    pub fn batches(&self) -> usize {
        self.items.div_ceil(BATCH)
    }

    /// One of them.
    pub fn batch(&self, number: usize) -> String {
        let first = number * BATCH;
        self.put_requests(first..self.items.min(first + BATCH))
    }
}

/// An operation under measurement.
pub struct Op {
    pub name: &'static str,
    /// Whether it is measured against the limit of writes.
    pub is_write: bool,
    /// How many times the limit it may take.
    pub ratio_max: Option<f64>,
    /// Whether its latency at half load is measured, too.
    pub is_paced: bool,
    body: fn(&Table, usize) -> (&'static str, String),
}

impl Op {
    const fn new(
        name: &'static str,
        is_write: bool,
        ratio_max: Option<f64>,
        body: fn(&Table, usize) -> (&'static str, String),
    ) -> Op {
        Op { name, is_write, ratio_max, is_paced: false, body }
    }

    /// Operation and body of one of its requests.
    pub fn request(&self, table: &Table, n: usize) -> (&'static str, String) {
        (self.body)(table, n * STEP % table.items)
    }
}

pub const GET: Op = Op { is_paced: true, ..Op::new("GetItem", false, Some(1.4), get) };
pub const PUT: Op = Op { is_paced: true, ..Op::new("PutItem", true, Some(1.7), put) };

/// All of them.
pub const OPS: &[Op] = &[
    GET,
    PUT,
    Op::new("PutItem with a condition", true, None, put_conditional),
    Op::new("UpdateItem", true, None, update),
    Op::new("Query of 10", false, Some(2.7), query),
    Op::new("Query of 100", false, None, query_100),
    Op::new("Scan of 100", false, None, scan),
    Op::new("BatchGetItem of 25", false, None, batch_get),
    Op::new("BatchWriteItem of 25", true, None, |table, n| {
        let items = (0..BATCH.min(table.items)).map(|i| (n + i * STEP) % table.items);
        // A batch must not have a key twice.
        let items: std::collections::BTreeSet<usize> = items.collect();
        ("BatchWriteItem", table.put_requests(items.into_iter()))
    }),
    Op::new("TransactWriteItems of 2", true, Some(6.0), transact),
    Op::new("mixed: half reads, a fifth queries, the rest writes", false, None, |table, n| match n
        % 10
    {
        0..5 => get(table, n),
        5..7 => query(table, n),
        7..9 => put(table, n),
        _ => update(table, n),
    }),
];

fn get(_: &Table, n: usize) -> (&'static str, String) {
    ("GetItem", format!(r#"{{"TableName":"Bench","Key":{{{}}}}}"#, Table::keys(n)))
}

fn put(table: &Table, n: usize) -> (&'static str, String) {
    ("PutItem", format!(r#"{{"TableName":"Bench","Item":{}}}"#, table.item(n)))
}

fn put_conditional(table: &Table, n: usize) -> (&'static str, String) {
    let item = table.item(n);
    let body = format!(
        r#"{{"TableName":"Bench","Item":{item},"ConditionExpression":"attribute_exists(pk) AND n >= :z","ExpressionAttributeValues":{{":z":{{"N":"0"}}}}}}"#
    );
    ("PutItem", body)
}

fn update(_: &Table, n: usize) -> (&'static str, String) {
    let keys = Table::keys(n);
    let body = format!(
        r##"{{"TableName":"Bench","Key":{{{keys}}},"UpdateExpression":"SET #t = :t ADD cnt :one","ExpressionAttributeNames":{{"#t":"t"}},"ExpressionAttributeValues":{{":one":{{"N":"1"}},":t":{{"S":"touched"}}}},"ReturnValues":"UPDATED_NEW"}}"##
    );
    ("UpdateItem", body)
}

fn query(_: &Table, n: usize) -> (&'static str, String) {
    let (partition, tens) = (n / PARTITION, n % 10);
    let body = format!(
        r#"{{"TableName":"Bench","KeyConditionExpression":"pk = :p AND begins_with(sk, :s)","ExpressionAttributeValues":{{":p":{{"S":"user#{partition:07}"}},":s":{{"S":"item#{tens}"}}}}}}"#
    );
    ("Query", body)
}

fn query_100(_: &Table, n: usize) -> (&'static str, String) {
    let partition = n / PARTITION;
    let body = format!(
        r#"{{"TableName":"Bench","KeyConditionExpression":"pk = :p","ExpressionAttributeValues":{{":p":{{"S":"user#{partition:07}"}}}}}}"#
    );
    ("Query", body)
}

fn scan(_: &Table, n: usize) -> (&'static str, String) {
    let keys = Table::keys(n);
    let body = format!(r#"{{"TableName":"Bench","Limit":100,"ExclusiveStartKey":{{{keys}}}}}"#);
    ("Scan", body)
}

fn batch_get(table: &Table, n: usize) -> (&'static str, String) {
    let keys: std::collections::BTreeSet<String> =
        (0..BATCH).map(|i| format!("{{{}}}", Table::keys((n + i * STEP) % table.items))).collect();
    let keys: Vec<String> = keys.into_iter().collect();
    let body = format!(r#"{{"RequestItems":{{"Bench":{{"Keys":[{}]}}}}}}"#, keys.join(","));
    ("BatchGetItem", body)
}

fn transact(table: &Table, n: usize) -> (&'static str, String) {
    // Another half of the table: no other request that is on its way has it.
    let (item, other) = (table.item(n), Table::keys((n + table.items / 2) % table.items));
    let body = format!(
        r#"{{"TransactItems":[{{"Put":{{"TableName":"Bench","Item":{item}}}}},{{"Update":{{"TableName":"Bench","Key":{{{other}}},"UpdateExpression":"ADD cnt :o","ConditionExpression":"attribute_exists(pk)","ExpressionAttributeValues":{{":o":{{"N":"1"}}}}}}}}]}}"#
    );
    ("TransactWriteItems", body)
}

/// The headers of a request for an operation.
pub fn headers(operation: &str) -> [(&'static str, &'static str); 2] {
    let target = TARGETS.iter().find(|target| target.rsplit('.').next() == Some(operation));
    [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", target.expect("every operation that is used is listed")),
    ]
}

const TARGETS: &[&str] = &[
    "DynamoDB_20120810.BatchGetItem",
    "DynamoDB_20120810.BatchWriteItem",
    "DynamoDB_20120810.CreateTable",
    "DynamoDB_20120810.GetItem",
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.Query",
    "DynamoDB_20120810.Scan",
    "DynamoDB_20120810.TransactWriteItems",
    "DynamoDB_20120810.UpdateItem",
];

/// Signed requests, whole, to be sent as they are.
pub fn sign(port: u16, operation: &str, bodies: &[String]) -> Vec<Vec<u8>> {
    let host = format!("127.0.0.1:{port}");
    let date = clock::amz_date();
    let headers = headers(operation);
    let request = |body: &String| {
        let added = sign::sign("POST", &host, "/", "dynamodb", &headers, body.as_bytes(), &date);
        let given = headers.iter().map(|(name, value)| (*name, *value));
        let lines: String = given
            .chain(added.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        format!("POST / HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{lines}\r\n{body}")
            .into_bytes()
    };
    bodies.iter().map(request).collect()
}
