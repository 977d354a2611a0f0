//! What is known of log groups when access to them is judged: their tags, which count for their
//! streams, too, and the account's policies for services of AWS.

use kernel::access::{Guard, Need, ResourcePolicy};
use kernel::{Ctx, Principal};
use store::Scan;

use crate::table::{GROUPS, POLICIES};

/// Asked by the kernel.
pub(crate) struct Groups;

impl Guard for Groups {
    /// The account's policies, which count for services of AWS alone.
    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        let Principal::Service { .. } = ctx.principal() else { return None };
        let [_, _, _, region, account, _] = need.resource.splitn(6, ':').collect::<Vec<_>>()[..]
        else {
            return None;
        };
        let found =
            ctx.store().read(|tx| tx.scan(&POLICIES, Scan::prefix((account, region)))).ok()?;
        let documents = found.into_iter().map(|(_, policy)| policy.document).collect();
        Some(ResourcePolicy { account: account.to_owned(), documents, ..Default::default() })
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let mut parts = resource.splitn(6, ':').skip(3);
        let [Some(region), Some(account), Some(rest)] = [parts.next(), parts.next(), parts.next()]
        else {
            return Vec::new();
        };
        let group = rest.strip_prefix("log-group:").and_then(|rest| rest.split(':').next());
        let Some(group) = group else { return Vec::new() };
        let found = ctx.store().read(|tx| tx.get(&GROUPS, (account, region, group)));
        found.ok().flatten().map(|group| group.tags.into_iter().collect()).unwrap_or_default()
    }
}
