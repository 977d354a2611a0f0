//! `SearchVectors`: the items whose vectors are most alike one that is given.
//!
//! ```text
//! {"TableName": "Flights", "IndexName": "by-embedding", "TopK": 3,
//!  "SearchVector": [{"N": "0.12"}, {"N": "-0.5"}], "SearchConditionExpression": "airline = :a",
//!  "ExpressionAttributeValues": {":a": {"S": "KE"}}}
//! ```
//!
//! AWS searches approximately; here every vector of the partition is compared.

use api_dynamodb::{
    Error, SearchResultItem, SearchVectorsInput, SearchVectorsOutput, VectorCapacity,
};
use kernel::Ctx;

use crate::capacity::Report;
use crate::expression::ExpressionKind;
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand, Path, Projection};
use crate::index::IndexState;
use crate::invalid::Invalid;
use crate::item::StoredItem;
use crate::read::no_index;
use crate::request::{self, Expressions};
use crate::sse;
use crate::table::{self, TableRecord};
use crate::value::Value;
use crate::vector::{Found, Search, VectorIndexRecord, vector};
use crate::{DynamoDb, convert};

/// Results that can be asked for.
const TOP_MAX: i32 = 100;
/// Bytes of items in an answer; AWS's limit.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

pub(crate) async fn search_vectors(
    service: &DynamoDb,
    ctx: &Ctx,
    input: SearchVectorsInput,
) -> Result<SearchVectorsOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let request = Request::new(input)?;
    let found = sse::read(ctx, |tx| -> Result<Found, Error> {
        request.run(tx, &*table::get(service, ctx, tx, &name)?)
    })
    .await?;
    let mut results = Vec::with_capacity(found.items.len());
    let mut bytes = 0;
    for (item, score) in &found.items {
        let item = StoredItem::new(item)?;
        bytes += item.size_bytes();
        if bytes > ANSWER_MAX_BYTES {
            return Err(Invalid(format!(
                "The response exceeds the limit of {ANSWER_MAX_BYTES} bytes: \
                 reduce TopK or ask for fewer attributes"
            ))
            .into());
        }
        let item = match &request.projection {
            Some(projection) => projection.of_stored(item)?,
            None => item.decode()?,
        };
        let item = Some(convert::attributes(item));
        results.push(SearchResultItem { item, score: Some(*score) });
    }
    let consumed = VectorCapacity {
        vector_search_request_bytes: Some(found.bytes as f64),
        vector_write_request_bytes: None,
    };
    Ok(SearchVectorsOutput {
        search_results: Some(results),
        consumed_capacity: request.report.is_wanted().then_some(consumed),
    })
}

/// A search, its expressions bound, before the table is known.
struct Request {
    index: String,
    vector: Vec<f32>,
    condition: Option<Condition>,
    projection: Option<Projection>,
    top: usize,
    report: Report,
}

impl Request {
    fn new(input: SearchVectorsInput) -> Result<Request, Error> {
        let expressions = Expressions {
            expressions: &[
                ("ProjectionExpression", input.projection_expression.is_some()),
                ("SearchConditionExpression", input.search_condition_expression.is_some()),
            ],
            legacy: &[],
            names: input.expression_attribute_names,
            values: input.expression_attribute_values,
        };
        expressions.check()?;
        if !(1..=TOP_MAX).contains(&input.top_k) {
            return Err(Invalid::new("Provided TopK value is out of valid range").into());
        }
        let list = input.search_vector.into_iter().map(convert::value);
        let list = Value::L(list.collect::<Result<_, _>>()?);
        let vector = vector(&list).map_err(|problem| {
            Invalid(format!(
                "One or more parameter values were invalid: \
                 Invalid type for parameter SearchVector{problem}"
            ))
        })?;
        let mut placeholders = expressions.placeholders()?;
        let condition = input
            .search_condition_expression
            .map(|text| placeholders.condition(ExpressionKind::SearchCondition, &text))
            .transpose()?;
        let projection =
            input.projection_expression.map(|text| placeholders.projection(&text)).transpose()?;
        placeholders.check_all_used()?;
        Ok(Request {
            index: input.index_name,
            vector,
            condition,
            projection,
            top: input.top_k as usize,
            report: Report::of(input.return_consumed_capacity.as_ref()),
        })
    }

    fn index<'t>(&self, table: &'t TableRecord) -> Result<&'t VectorIndexRecord, Invalid> {
        let found = table.vectors.iter().find(|index| index.name == self.index);
        let index = found.ok_or_else(|| no_index(&self.index))?;
        match index.state {
            IndexState::Active => Ok(index),
            IndexState::Creating => {
                Err(Invalid(format!("Cannot search backfilling vector index: {}", index.name)))
            }
            IndexState::Deleting => Err(no_index(&self.index)),
        }
    }

    fn run(&self, tx: &store::ReadTx, table: &TableRecord) -> Result<Found, Error> {
        let index = self.index(table)?;
        if self.vector.len() != index.dimensions {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: Dimensions of SearchVector do not \
                 match. Expected: {} Actual: {}",
                index.dimensions,
                self.vector.len()
            ))
            .into());
        }
        self.check_projection(table, index)?;
        let mut filters = Vec::new();
        let mut partition = None;
        if let Some(condition) = &self.condition {
            check_condition(index, condition)?;
            split(index, condition, &mut partition, &mut filters)?;
        }
        if index.partition.is_some() && partition.is_none() {
            return Err(Invalid::new(
                "SearchConditionExpression must be provided when SearchSchema has a HASH key",
            )
            .into());
        }
        let filter = (!filters.is_empty()).then_some(Condition::And(filters));
        let search = Search {
            index,
            vector: &self.vector,
            partition,
            filter: filter.as_ref(),
            top: self.top,
        };
        search.run(tx)
    }

    /// Only what the index holds can be asked for.
    fn check_projection(
        &self,
        table: &TableRecord,
        index: &VectorIndexRecord,
    ) -> Result<(), Invalid> {
        let Some(projection) = &self.projection else { return Ok(()) };
        request::check_key_paths(table, &projection.0)?;
        match projection.0.iter().find(|path| !index.holds(table, path.attribute())) {
            None => Ok(()),
            Some(path) => Err(Invalid(format!(
                "One or more parameter values were invalid: Global secondary index {} does not \
                 project [{}]",
                index.name,
                path.attribute()
            ))),
        }
    }
}

/// Checks that a condition compares attributes of the search schema with values, and nothing else.
fn check_condition(index: &VectorIndexRecord, condition: &Condition) -> Result<(), Invalid> {
    let refused = || Invalid::new("Invalid comparator used in SearchConditionExpression");
    let operands = match condition {
        Condition::And(terms) | Condition::Or(terms) => {
            return terms.iter().try_for_each(|term| check_condition(index, term));
        }
        Condition::Compare { left, right, .. } => vec![left, right],
        Condition::Between { operand, low, high } => vec![operand, low, high],
        Condition::In { operand, list } => std::iter::once(operand).chain(list).collect(),
        _ => return Err(refused()),
    };
    let [Operand::Path(path), values @ ..] = &operands[..] else { return Err(refused()) };
    let key = index.schema().find(|key| key.name == path.attribute()).filter(|_| !path.is_nested());
    let Some(key) = key else { return Err(not_in_schema(path)) };
    for value in values {
        match value {
            Operand::Value(value) if value.value_type() == key.key_type.value_type() => {}
            Operand::Value(_) => {
                return Err(Invalid::new(
                    "One or more parameter values were invalid: \
                     Condition parameter type does not match schema type",
                ));
            }
            _ => return Err(refused()),
        }
    }
    Ok(())
}

fn not_in_schema(path: &Path) -> Invalid {
    Invalid(format!(
        "SearchConditionExpression can only reference attributes of the SearchSchema: {path}"
    ))
}

/// Takes the partition's value out of a condition; what is left are the filters.
fn split<'c>(
    index: &VectorIndexRecord,
    condition: &'c Condition,
    partition: &mut Option<&'c Value>,
    filters: &mut Vec<Condition>,
) -> Result<(), Invalid> {
    if let Condition::And(terms) = condition {
        return terms.iter().try_for_each(|term| split(index, term, partition, filters));
    }
    let names_partition = |path: &Path| {
        index.partition.as_ref().is_some_and(|partition| partition.name == path.attribute())
    };
    match condition {
        Condition::Compare {
            comparator: Comparator::Equal,
            left: Operand::Path(path),
            right: Operand::Value(value),
        } if names_partition(path) && partition.is_none() => *partition = Some(value),
        other => {
            let mut again = false;
            other.each_path(&mut |path| again |= names_partition(path));
            if again {
                return Err(Invalid::new("Invalid comparator used in SearchConditionExpression"));
            }
            filters.push(other.clone());
        }
    }
    Ok(())
}
