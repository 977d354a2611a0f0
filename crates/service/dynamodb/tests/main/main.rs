//! DynamoDB through the kernel: requests and answers as JSON, as they are on the wire.

mod attachments;
mod backups;
mod batches;
mod buckets;
mod bulk;
mod codec;
mod data_keys;
mod definitions;
mod expiry;
mod exports;
mod index_updates;
mod indexes;
mod interpreter;
mod items;
mod legacy;
mod partiql_batches;
mod partiql_indexes;
mod partiql_random;
mod partiql_reads;
mod partiql_transactions;
mod partiql_writes;
mod queries;
mod random;
mod recovery;
mod refusals;
mod replicas;
mod restores;
mod slow;
mod streams;
mod streams_life;
mod tables;
mod throttling;
mod transactions;

use bytes::Bytes;
use kernel::{Config, Ctx, Kernel, Principal};
use serde_json::{Value, json};
use shape::Reading;

/// A cloud with nothing but DynamoDB in it.
pub struct Cloud {
    kernel: Kernel,
    ctx: Ctx,
}

impl Cloud {
    /// A new one, without tables.
    pub fn empty() -> Cloud {
        Cloud::of(Config::memory())
    }

    /// The same one after it has stopped and started again.
    pub async fn restarted(self) -> Cloud {
        assert!(self.kernel.stop(std::time::Duration::from_secs(10)).await, "it stops");
        let Config { store, blobs, sealer, .. } = self.kernel.config();
        let (store, blobs, sealer) = (store.clone(), blobs.clone(), sealer.clone());
        Cloud::of(Config { store, blobs, sealer, ..Config::memory() })
    }

    /// One on a store, with a clock, or whatever else is to be special.
    pub fn of(config: Config) -> Cloud {
        Cloud::with_options(config, service_dynamodb::Options::default())
    }

    /// One that an installation has set up in its way.
    pub fn with_options(config: Config, options: service_dynamodb::Options) -> Cloud {
        let kernel = Kernel::new(config);
        let dynamodb = service_dynamodb::service_with(options);
        let streams = service_dynamodb::streams_service();
        let [s3, logs] = [service_s3::service(), service_logs::service()];
        kernel.start(vec![dynamodb, streams, s3, logs, service_kms::service()]);
        let root = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "ap-northeast-2", root, "request".into());
        Cloud { kernel, ctx }
    }

    /// The same cloud, as seen in another region.
    pub fn in_region(&self, region: &str) -> Cloud {
        let root = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&self.kernel, region, root, "request".into());
        Cloud { kernel: self.kernel.clone(), ctx }
    }

    /// Stops it in order, as far as that goes in a moment.
    pub async fn stop(self) {
        self.kernel.stop(std::time::Duration::from_secs(10)).await;
        self.kernel.store().close().expect("closed");
    }

    /// Waits for work in the background: until `probe` answers something.
    pub async fn eventually<T>(&self, probe: impl AsyncFn(&Cloud) -> Option<T>) -> T {
        for _ in 0..4000 {
            if let Some(found) = probe(self).await {
                return found;
            }
            #[expect(clippy::disallowed_methods, reason = "waits for work in the background")]
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("not within 20 s");
    }

    /// Waits until a table is ACTIVE, and describes it.
    pub async fn active(&self, name: &str) -> Value {
        self.eventually(async |cloud| {
            let table = cloud.call("DescribeTable", json!({"TableName": name})).await;
            (table["Table"]["TableStatus"] == "ACTIVE").then(|| table["Table"].clone())
        })
        .await
    }

    /// All items of a table or index, in the order of a scan.
    pub async fn items(&self, table: &str, index: Option<&str>) -> Vec<Value> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let mut request = json!({"TableName": table});
            if let Some(index) = index {
                request["IndexName"] = json!(index);
            }
            if let Some(start) = start.take() {
                request["ExclusiveStartKey"] = start;
            }
            let mut page = self.call("Scan", request).await;
            items.extend(page["Items"].as_array().unwrap_or_else(|| panic!("{page}")).clone());
            match page["LastEvaluatedKey"].take() {
                Value::Null => return items,
                last => start = Some(last),
            }
        }
    }

    /// One with a table `Simple` (partition key `pk`, a string) and a table
    /// `Sorted` (partition key `pk`, a string, and sort key `sk`, a number).
    pub async fn with_tables() -> Cloud {
        let cloud = Cloud::empty();
        cloud.create("Simple", &[("pk", "S")]).await;
        cloud.create("Sorted", &[("pk", "S"), ("sk", "N")]).await;
        cloud
    }

    /// Makes a table with those keys.
    pub async fn create(&self, name: &str, keys: &[(&str, &str)]) {
        let definitions = keys
            .iter()
            .map(|(name, key_type)| json!({"AttributeName": name, "AttributeType": key_type}));
        let schema = keys
            .iter()
            .zip(["HASH", "RANGE"])
            .map(|((name, _), kind)| json!({"AttributeName": name, "KeyType": kind}));
        let request = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": definitions.collect::<Vec<_>>(),
            "KeySchema": schema.collect::<Vec<_>>(),
        });
        let answer = self.call("CreateTable", request).await;
        assert_eq!(answer["TableDescription"]["TableStatus"], "CREATING", "{answer}");
    }

    /// Items in the store, of whatever table.
    pub fn stored_items(&self) -> usize {
        self.stored("dynamodb/item")
    }

    /// Records in a table of the store.
    pub fn stored(&self, table: &'static str) -> usize {
        let table = store::RawTable::new(table);
        let mut count = 0;
        let scanned = self.kernel.store().read(|tx| {
            tx.scan_raw(&table, &store::Scan::all(), &mut |_, _| {
                count += 1;
                std::ops::ControlFlow::Continue(())
            })
        });
        scanned.expect("a scan");
        count
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        for _ in 0..2000 {
            if is_so().await {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "waits for work in the background")]
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        panic!("not within 10 s: {what}");
    }

    /// Calls an operation as the gateway does; an error is answered as its
    /// body, and so has a `__type`.
    pub async fn call(&self, operation: &str, request: Value) -> Value {
        self.call_service("dynamodb", operation, request).await
    }

    /// Calls an operation of a service.
    pub async fn call_service(&self, service: &str, operation: &str, request: Value) -> Value {
        let dispatch = self.kernel.service(service).expect("the service");
        let model = dispatch.model();
        let op = model.operations.iter().position(|op| op.name == operation).expect("an operation");
        let headers = Default::default();
        let body = Bytes::from(request.to_string());
        let http = wire::Request { method: "POST", path: "/", query: "", headers: &headers, body };
        let mut input = dispatch.input(op);
        let mut reading = Reading::default();
        let operation = &model.operations[op];
        wire::read_request(model, operation, &http, &mut *input, &mut reading).expect("JSON");
        let problems = shape::validate(&*input, &reading);
        let result = if problems.is_empty() {
            self.kernel.call(&self.ctx, service, op, input).await
        } else {
            Err(self.kernel.invalid(service, &operation.name, &problems))
        };
        let response = match result {
            Ok(output) => wire::write_response(model, operation, &*output, "request"),
            Err(fault) => wire::write_fault(model, Some(operation), &fault, "request"),
        };
        // Operations without any output answer nothing at all.
        if response.body().is_empty() {
            return json!({});
        }
        serde_json::from_slice(response.body()).expect("JSON")
    }

    /// Calls an operation and compares the whole answer.
    pub async fn check(&self, operation: &str, request: Value, expected: Value) {
        let answer = self.call(operation, request.clone()).await;
        assert_eq!(answer, expected, "{operation} {request}");
    }

    /// Calls an operation that is refused as invalid, with that text.
    pub async fn check_invalid(&self, operation: &str, request: Value, message: &str) {
        let answer = self.call(operation, request.clone()).await;
        assert_eq!(
            answer["__type"], "com.amazon.coral.validate#ValidationException",
            "{operation} {request}: {answer}"
        );
        let got = answer["message"].as_str().or(answer["Message"].as_str()).unwrap_or_default();
        assert_eq!(got, message, "{operation} {request}");
    }
}
