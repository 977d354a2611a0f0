//! What is known of resources when access to them is judged: the tags of instances, flows and
//! numbers.

use kernel::Ctx;
use kernel::access::Guard;
use store::StoreError;

use crate::records::{FLOWS, INSTANCES, NUMBERS};

/// Asked by the kernel.
pub(crate) struct Resources;

impl Guard for Resources {
    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let mut parts = resource.splitn(6, ':').skip(3);
        let (Some(region), Some(account), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Vec::new();
        };
        let found = ctx.store().read(|tx| {
            let path: Vec<&str> = rest.split('/').collect();
            Ok::<_, StoreError>(match path[..] {
                ["instance", id] => tx.get(&INSTANCES, (account, region, id))?.map(|r| r.tags),
                ["instance", instance, "contact-flow", id] => {
                    tx.get(&FLOWS, (account, region, instance, id))?.map(|r| r.tags)
                }
                ["phone-number", id] => tx.get(&NUMBERS, (account, region, id))?.map(|r| r.tags),
                _ => None,
            })
        });
        found.ok().flatten().map(|tags| tags.into_iter().collect()).unwrap_or_default()
    }
}
