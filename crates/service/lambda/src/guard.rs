//! What the service knows of its functions when access to them is judged.

use kernel::access::{Guard, Need, ResourcePolicy};
use kernel::{Ctx, Fault};

use crate::layers::LayerName;
use crate::mappings::record::{MAPPINGS, MappingKey};
use crate::name::Name;
use crate::policy;
use crate::record::FUNCTIONS;

/// Asked by the kernel.
pub(crate) struct Functions;

impl Guard for Functions {
    fn resolve(&self, ctx: &Ctx, kind: &str, args: &[String]) -> Option<String> {
        if kind == "layer" {
            return Some(LayerName::whole(ctx, args.first()?).layer_arn());
        }
        if kind == "layerversion" {
            let number = args.get(1)?.parse().ok()?;
            return Some(LayerName { number, ..LayerName::whole(ctx, args.first()?) }.arn());
        }
        let qualifier = args.get(1).map(String::as_str);
        Some(Name::read(ctx, args.first()?, qualifier)?.arn())
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        if let Some(layer) = LayerName::of_arn(&need.resource) {
            return layer.policy(ctx);
        }
        let name = Name::of_arn(&need.resource)?;
        let policy = ctx.store().read(|tx| policy::load(tx, &name)).ok()?;
        let documents = match policy.statements.is_empty() {
            true => Vec::new(),
            false => vec![policy.document().to_string()],
        };
        Some(ResourcePolicy { account: name.account, documents, ..ResourcePolicy::default() })
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        if let Some(id) = mapping_of_arn(resource) {
            let found = ctx.store().read(|tx| tx.get(&MAPPINGS, id)).ok().flatten();
            return found.map(|mapping| mapping.tags.into_iter().collect()).unwrap_or_default();
        }
        let Some(name) = Name::of_arn(resource) else { return Vec::new() };
        let found = ctx.store().read(|tx| tx.get(&FUNCTIONS, name.key())).ok().flatten();
        found.map(|function| function.tags.into_iter().collect()).unwrap_or_default()
    }
}

/// Where the event source mapping of an ARN lies.
fn mapping_of_arn(arn: &str) -> Option<MappingKey> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", region, account, "event-source-mapping", id] => {
            Some(((*account).to_owned(), (*region).to_owned(), (*id).to_owned()))
        }
        _ => None,
    }
}

/// The policy of a function, for what the service asks by itself.
pub(crate) fn policy(ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
    Functions.policy(ctx, need)
}

/// Asks the policy of another account's function where the kernel has not: of root users.
pub(crate) fn foreign(ctx: &Ctx, name: &Name, action: &str) -> Result<(), Fault> {
    if name.account == ctx.account() {
        return Ok(());
    }
    let mut need = Need::new(action, name.arn());
    need.policy = Functions.policy(ctx, &need);
    ctx.authorize("lambda", "Invoke", &[need])
}
