//! What DynamoDB knows about its resources when access to them is judged: resource policies, tags,
//! and the condition keys of fine-grained access.

mod attributes;
mod leading;

pub(crate) use leading::key_text;

use api_dynamodb::{BatchExecuteStatementInput, ExecuteStatementInput, ExecuteTransactionInput};
use kernel::access::{Asked, Guard, Need, ResourcePolicy};
use kernel::{Arn, Ctx};
use shape::Struct;

use crate::streams::ShardIterator;
use crate::{partiql, policy, table};

/// A value that no policy names: what a statement of PartiQL touches is not taken apart for the
/// conditions of fine-grained access, so these never hold for it.
const UNTOLD: &str = "\u{0}";

pub(crate) struct Tables;

impl Guard for Tables {
    fn resolve(&self, ctx: &Ctx, kind: &str, args: &[String]) -> Option<String> {
        match kind {
            "iterator" => ShardIterator::stream_arn(ctx, args.first()?),
            _ => None,
        }
    }

    fn needs(&self, ctx: &Ctx, operation: &str, input: &dyn Struct) -> Vec<Need> {
        let statements: Vec<&str> = match operation {
            "ExecuteStatement" => {
                let input = input.downcast_ref::<ExecuteStatementInput>();
                input.iter().map(|input| input.statement.as_str()).collect()
            }
            "BatchExecuteStatement" => {
                let input = input.downcast_ref::<BatchExecuteStatementInput>();
                let all = input.iter().flat_map(|input| &input.statements);
                all.map(|statement| statement.statement.as_str()).collect()
            }
            "ExecuteTransaction" => {
                let input = input.downcast_ref::<ExecuteTransactionInput>();
                let all = input.iter().flat_map(|input| &input.transact_statements);
                all.map(|statement| statement.statement.as_str()).collect()
            }
            _ => Vec::new(),
        };
        // A statement that cannot be read asks for nothing: it will be refused for what it is.
        let parsed = statements.into_iter().filter_map(|text| partiql::parse(text).ok());
        parsed
            .map(|statement| {
                let (verb, table, index) = statement.target();
                let resource = match index {
                    None => format!("table/{table}"),
                    Some(index) => format!("table/{table}/index/{index}"),
                };
                Need::new(
                    format!("dynamodb:PartiQL{verb}"),
                    ctx.arn("dynamodb", resource).to_string(),
                )
            })
            .collect()
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        let arn = Arn::parse(&need.resource).ok()?;
        if arn.account != ctx.account() || arn.region != ctx.region() {
            return None;
        }
        // An index is under the policy of its table.
        let resource = arn.resource.split("/index/").next()?;
        let found = ctx.store().read(|tx| policy::get(ctx, tx, resource)).ok().flatten()?;
        let documents = vec![found.document];
        Some(ResourcePolicy { account: arn.account.clone(), documents, ..Default::default() })
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let Some((name, _)) = named(resource) else { return Vec::new() };
        let found = ctx.store().read(|tx| table::find_any(ctx, tx, name));
        found.ok().flatten().map(|table| table.tags).unwrap_or_default()
    }

    fn key(&self, ctx: &Ctx, key: &str, asked: &Asked<'_>) -> Option<Vec<String>> {
        let input = asked.input?;
        let is_partiql =
            asked.operation.starts_with("Execute") || asked.operation == "BatchExecuteStatement";
        match key {
            "dynamodb:leadingkeys" | "dynamodb:attributes" if is_partiql => {
                Some(vec![UNTOLD.to_owned()])
            }
            "dynamodb:leadingkeys" => leading::values(ctx, input, asked),
            "dynamodb:attributes" => attributes::names(input),
            "dynamodb:select" => attributes::select(input, asked),
            "dynamodb:enclosingoperation" => {
                let encloses = asked.operation.starts_with("Transact");
                encloses.then(|| vec![asked.operation.to_owned()])
            }
            _ => None,
        }
    }
}

/// The table and index of an ARN.
fn named(resource: &str) -> Option<(&str, Option<&str>)> {
    let path = resource.splitn(6, ':').nth(5)?.strip_prefix("table/")?;
    let mut parts = path.splitn(3, '/');
    let table = parts.next()?;
    match (parts.next(), parts.next()) {
        (Some("index"), Some(index)) => Some((table, Some(index))),
        _ => Some((table, None)),
    }
}
