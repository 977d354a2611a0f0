//! What is known of log groups when access to them is judged: their tags, which count for their
//! streams, too.

use kernel::Ctx;
use kernel::access::Guard;

use crate::table::GROUPS;

/// Asked by the kernel.
pub(crate) struct Groups;

impl Guard for Groups {
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
