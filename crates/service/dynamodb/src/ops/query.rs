//! `Query`: the items of a partition, in the order of their sort keys.
//!
//! ```text
//! {"TableName": "Flights", "KeyConditionExpression": "pk = :p AND begins_with(sk, :day)",
//!  "ExpressionAttributeValues": {":p": {"S": "+821012345678"}, ":day": {"S": "2026-11"}}}
//! ```

use api_dynamodb::{Error, QueryInput, QueryOutput};
use kernel::Ctx;
use store::{Key, Scan};

use crate::capacity::{Report, read_units};
use crate::expression::ExpressionKind;
use crate::expression::ast::Comparator;
use crate::expression::key_condition::{KeyConditions, KeyTest};
use crate::invalid::Invalid;
use crate::page::{self, PageRequest, no_index};
use crate::request::{self, Expressions};
use crate::table::{KeyAttribute, TableRecord};
use crate::value::{Item, Value};
use crate::{DynamoDb, convert, fault, key, table};

const START_INVALID: &str = "The provided starting key is invalid";

pub(crate) async fn query(
    service: &DynamoDb,
    ctx: &Ctx,
    input: QueryInput,
) -> Result<QueryOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let request = QueryRequest::new(input)?;
    let (page, units) = ctx.store().read(|tx| -> Result<_, Error> {
        let table = table::get(service, ctx, tx, &name)?;
        let scan = request.scan(&table)?;
        let page = request.page.read(tx, &table, &scan)?;
        let units = read_units(page.bytes, request.is_consistent);
        Ok((page, units))
    })?;
    Ok(QueryOutput {
        items: (!request.page.counts_only)
            .then(|| page.items.into_iter().map(convert::attributes).collect()),
        count: Some(page.count),
        scanned_count: Some(page.scanned),
        last_evaluated_key: page.last_key.map(convert::attributes),
        consumed_capacity: request.report.consumed(&name, units),
    })
}

/// A query, its expressions bound, before the table is known.
struct QueryRequest {
    page: PageRequest,
    conditions: KeyConditions,
    start: Option<Item>,
    index: Option<String>,
    is_backward: bool,
    is_consistent: bool,
    report: Report,
}

impl QueryRequest {
    fn new(input: QueryInput) -> Result<QueryRequest, Error> {
        let legacy = [
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", input.key_conditions.is_some()),
        ];
        let expressions = Expressions {
            expressions: &[
                ("ProjectionExpression", input.projection_expression.is_some()),
                ("FilterExpression", input.filter_expression.is_some()),
                ("KeyConditionExpression", input.key_condition_expression.is_some()),
            ],
            legacy: &legacy,
            names: input.expression_attribute_names,
            values: input.expression_attribute_values,
        };
        expressions.check()?;
        fault::refuse("Query", &legacy)?;
        let start = page::start_key(input.exclusive_start_key)?;
        let counts_only = page::select(
            input.select.as_ref(),
            input.projection_expression.is_some(),
            input.index_name.is_some(),
        )?;
        let Some(key_condition) = input.key_condition_expression else {
            return Err(Invalid::new(
                "Either the KeyConditions or KeyConditionExpression parameter \
                 must be specified in the request.",
            )
            .into());
        };
        let mut placeholders = expressions.placeholders()?;
        let condition = placeholders.condition(ExpressionKind::KeyCondition, &key_condition)?;
        let filter = input
            .filter_expression
            .map(|text| placeholders.condition(ExpressionKind::Filter, &text))
            .transpose()?;
        let projection =
            input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
        placeholders.check_all_used()?;
        let limit = input.limit.map(|limit| limit as usize);
        Ok(QueryRequest {
            page: PageRequest { filter, projection, limit, counts_only },
            conditions: KeyConditions::new(&condition)?,
            start,
            index: input.index_name,
            is_backward: input.scan_index_forward == Some(false),
            is_consistent: input.consistent_read == Some(true),
            report: Report::of(input.return_consumed_capacity.as_ref()),
        })
    }

    /// The range of items that the query asks for.
    fn scan(&self, table: &TableRecord) -> Result<Scan, Invalid> {
        if let Some(index) = &self.index {
            return Err(no_index(index));
        }
        let partition = self.check_keys(table)?;
        let sort = table.sort_key.as_ref().and_then(|sort| self.conditions.get(&sort.name));
        self.check_start(table, partition, sort)?;
        self.check_filter(table)?;
        self.page.check_paths(table)?;
        let mut scan = range(table.partition_prefix(partition), sort);
        if let Some(start) = &self.start {
            scan = scan.after(table.item_key(start));
        }
        Ok(if self.is_backward { scan.reverse() } else { scan })
    }

    /// Checks the start key's shape and the conditions against the table's
    /// keys; the value that the partition key must have.
    fn check_keys(&self, table: &TableRecord) -> Result<&Value, Invalid> {
        let starts_badly =
            self.start.as_ref().is_some_and(|start| start.len() != table.keys().count());
        if starts_badly {
            return Err(Invalid::new(START_INVALID));
        }
        let is_simple = table.sort_key.is_none();
        for key in table.keys() {
            self.check_start_part(key)?;
            let is_partition = *key == table.partition_key;
            let count = self.conditions.0.len();
            if is_partition && is_simple && count > 1 {
                return Err(Invalid::new("Query key condition not supported"));
            }
            match self.conditions.get(&key.name) {
                None if is_partition || count > 1 => {
                    return Err(Invalid(format!(
                        "Query condition missed key schema element: {}",
                        key.name
                    )));
                }
                None => {}
                Some(test) => check_test(key, test)?,
            }
        }
        match self.conditions.get(&table.partition_key.name) {
            Some(KeyTest::Compare(Comparator::Equal, value)) => Ok(value),
            _ => Err(Invalid::new("Query key condition not supported")),
        }
    }

    fn check_start_part(&self, key: &KeyAttribute) -> Result<(), Invalid> {
        let Some(start) = &self.start else { return Ok(()) };
        match start.get(&key.name) {
            None => Err(Invalid::new(START_INVALID)),
            Some(value) if value.value_type() != key.key_type.value_type() => {
                Err(Invalid::new("The provided key element does not match the schema"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks that the start key lies within what is asked for.
    fn check_start(
        &self,
        table: &TableRecord,
        partition: &Value,
        sort: Option<&KeyTest>,
    ) -> Result<(), Invalid> {
        let Some(start) = &self.start else { return Ok(()) };
        table.check_key(start).map_err(|problem| Invalid(format!("{START_INVALID}: {problem}")))?;
        let same_partition = start.get(&table.partition_key.name) == Some(partition);
        let Some((test, key)) = sort.zip(table.sort_key.as_ref()) else {
            if same_partition {
                return Ok(());
            }
            return Err(Invalid::new(
                "The provided starting key is outside query boundaries \
                 based on provided conditions",
            ));
        };
        if !start.get(&key.name).is_some_and(|value| test.holds(value)) {
            return Err(Invalid::new(
                "The provided starting key does not match the range key predicate",
            ));
        }
        if !same_partition {
            return Err(Invalid::new(
                "The query can return at most one row and cannot be restarted",
            ));
        }
        Ok(())
    }

    /// Checks that the filter leaves the keys to the key condition.
    fn check_filter(&self, table: &TableRecord) -> Result<(), Invalid> {
        let Some(filter) = &self.page.filter else { return Ok(()) };
        let paths = request::paths(filter);
        match table.keys().find(|key| paths.iter().any(|path| path.attribute() == key.name)) {
            Some(key) => Err(Invalid(format!(
                "Filter Expression can only contain non-primary key attributes: \
                 Primary key attribute: {}",
                key.name
            ))),
            None => Ok(()),
        }
    }
}

fn check_test(key: &KeyAttribute, test: &KeyTest) -> Result<(), Invalid> {
    for value in test.values() {
        if value.value_type() != key.key_type.value_type() {
            return Err(Invalid::new(
                "One or more parameter values were invalid: \
                 Condition parameter type does not match schema type",
            ));
        }
        let kind = match value {
            Value::S(text) if text.is_empty() => "string",
            Value::B(bytes) if bytes.is_empty() => "binary",
            _ => continue,
        };
        return Err(Invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {}",
            key.name
        )));
    }
    Ok(())
}

/// The keys of a partition that pass a test of the sort key.
fn range(partition: Vec<u8>, sort: Option<&KeyTest>) -> Scan {
    let all = Scan::prefix(Key::from_bytes(partition.clone()));
    let at = |value: &Value, write: fn(&Value, &mut Vec<u8>)| {
        let mut bytes = partition.clone();
        write(value, &mut bytes);
        Key::from_bytes(bytes)
    };
    let exactly = |value: &Value| at(value, key::write_sort);
    match sort {
        None => all,
        Some(KeyTest::BeginsWith(prefix)) => {
            all.ge(at(prefix, key::write_sort_prefix)).le(at(prefix, key::write_sort_prefix))
        }
        Some(KeyTest::Between(low, high)) => all.ge(exactly(low)).le(exactly(high)),
        Some(KeyTest::Compare(comparator, value)) => match comparator {
            Comparator::Less => all.lt(exactly(value)),
            Comparator::LessOrEqual => all.le(exactly(value)),
            Comparator::Greater => all.gt(exactly(value)),
            Comparator::GreaterOrEqual => all.ge(exactly(value)),
            // `KeyConditions` has no `<>`.
            Comparator::Equal | Comparator::NotEqual => all.ge(exactly(value)).le(exactly(value)),
        },
    }
}
