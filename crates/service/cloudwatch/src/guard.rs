//! What is known of alarms when access to them is judged: their tags.

use kernel::access::Guard;
use kernel::{Arn, Ctx};

use crate::alarm::ALARMS;

/// Asked by the kernel.
pub(crate) struct Alarms;

impl Guard for Alarms {
    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let Ok(arn) = Arn::parse(resource) else { return Vec::new() };
        let Some(name) = arn.resource.strip_prefix("alarm:") else { return Vec::new() };
        let key = (arn.account.as_str(), arn.region.as_str(), name);
        let found = ctx.store().read(|tx| tx.get(&ALARMS, key)).ok().flatten();
        found.map(|alarm| alarm.tags.into_iter().collect()).unwrap_or_default()
    }
}
