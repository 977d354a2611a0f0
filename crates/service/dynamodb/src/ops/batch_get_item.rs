//! `BatchGetItem`: up to 100 items of one or more tables, as of one moment.
//!
//! ```text
//! {"RequestItems": {"Flights": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}]}}}
//! ```

use std::collections::{BTreeMap, HashSet};

use api_dynamodb::{BatchGetItemInput, BatchGetItemOutput, Error, KeysAndAttributes};
use kernel::Ctx;
use store::ReadTx;

use crate::capacity::{Report, read_units};
use crate::convert::{self, Answer, Attributes};
use crate::expression::bound::Projection;
use crate::heat::{self, Access};
use crate::invalid::Invalid;
use crate::item::encode;
use crate::request::{self, Expressions};
use crate::sse;
use crate::value::Item;
use crate::write::stored;
use crate::{DynamoDb, legacy, table, throttle};

/// Items a request may ask for.
const KEYS_MAX: usize = 100;
/// Bytes of items an answer may have.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

/// What is asked of one table.
struct TableRequest {
    /// As the request names it: by name or ARN.
    given: String,
    name: String,
    keys: Vec<Item>,
    projection: Option<Projection>,
    is_consistent: bool,
    /// The request, to answer what is left of it.
    original: KeysAndAttributes,
}

/// What one table answers.
struct TableAnswer {
    items: Vec<Answer>,
    unprocessed: Vec<Attributes>,
    units: f64,
}

pub(crate) async fn batch_get_item(
    service: &DynamoDb,
    ctx: &Ctx,
    input: BatchGetItemInput,
) -> Result<BatchGetItemOutput, Error> {
    if input.request_items.values().map(|table| table.keys.len()).sum::<usize>() > KEYS_MAX {
        return Err(Invalid::new("Too many items requested for the BatchGetItem call").into());
    }
    let mut requests = Vec::new();
    for (given, request) in input.request_items {
        requests.push(TableRequest::new(ctx, given, request)?);
    }
    let answers = sse::read(ctx, |tx| {
        let mut left = ANSWER_MAX_BYTES;
        requests
            .iter()
            .map(|request| request.read(service, ctx, tx, &mut left))
            .collect::<Result<Vec<_>, Error>>()
    })
    .await?;

    let report = Report::of(input.return_consumed_capacity.as_ref());
    let mut responses = BTreeMap::new();
    let mut unprocessed = BTreeMap::new();
    let mut consumed = Vec::new();
    for (request, answer) in requests.into_iter().zip(answers) {
        consumed.extend(report.consumed(&request.name, answer.units));
        if !answer.unprocessed.is_empty() {
            let rest = KeysAndAttributes { keys: answer.unprocessed, ..request.original };
            unprocessed.insert(request.given.clone(), rest);
        }
        responses.insert(request.given, answer.items);
    }
    Ok(BatchGetItemOutput {
        responses: Some(responses),
        unprocessed_keys: Some(unprocessed),
        consumed_capacity: report.is_wanted().then_some(consumed),
    })
}

impl TableRequest {
    fn new(
        ctx: &Ctx,
        given: String,
        mut request: KeysAndAttributes,
    ) -> Result<TableRequest, Error> {
        let name = table::name(ctx, &given)?;
        let non_expressions = [("AttributesToGet", request.attributes_to_get.is_some())];
        let expressions = Expressions {
            expressions: &[("ProjectionExpression", request.projection_expression.is_some())],
            legacy: &non_expressions,
            names: request.expression_attribute_names.clone(),
            values: None,
        };
        expressions.check()?;
        let attributes = legacy::attributes_to_get(request.attributes_to_get.as_deref())?;
        let mut placeholders = expressions.placeholders()?;
        let projection = request
            .projection_expression
            .as_deref()
            .map(|text| placeholders.projection(text))
            .transpose()?;
        placeholders.check_all_used()?;
        let projection = projection.or(attributes);
        let keys = std::mem::take(&mut request.keys);
        let keys = keys.into_iter().map(convert::item).collect::<Result<Vec<Item>, _>>()?;
        let mut seen = HashSet::new();
        if !keys.iter().all(|key| seen.insert(encode(key))) {
            return Err(Invalid::new("Provided list of item keys contains duplicates").into());
        }
        let is_consistent = request.consistent_read == Some(true);
        Ok(TableRequest { given, name, keys, projection, is_consistent, original: request })
    }

    /// Reads the items that still fit into `left` bytes of the answer.
    fn read(
        &self,
        service: &DynamoDb,
        ctx: &Ctx,
        tx: &ReadTx,
        left: &mut usize,
    ) -> Result<TableAnswer, Error> {
        let table = table::get(service, ctx, tx, &self.name)?;
        if let Some(projection) = &self.projection {
            request::check_key_paths(&table, &projection.0)?;
        }
        let mut places = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            table.check_key(key)?;
            places.push(table.item_key(key));
        }
        throttle::admit_reads(&table, None)?;
        let values = sse::get_many(tx, &table::ITEMS, &places)?;
        let mut answer = TableAnswer { items: Vec::new(), unprocessed: Vec::new(), units: 0.0 };
        for ((key, value), place) in self.keys.iter().zip(&values).zip(&places) {
            let found = stored(value.as_ref())?;
            let size = found.map_or(0, |found| found.size_bytes());
            if size > *left {
                // The rest is for another request.
                *left = 0;
                answer.unprocessed.push(convert::attributes(key.clone()));
                continue;
            }
            *left -= size;
            let units = read_units(size, self.is_consistent);
            answer.units += units;
            heat::count(&table, place.as_bytes(), Access::Read, units);
            let Some(found) = found else { continue };
            answer.items.push(match &self.projection {
                Some(projection) => convert::attributes(projection.of_stored(found)?),
                None => convert::stored(found)?,
            });
        }
        throttle::charge_table_reads(&table, answer.units);
        Ok(answer)
    }
}
