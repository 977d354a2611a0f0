//! Giving a batch to the function, again and again where there is no room for it.

use std::time::Duration;

use bytes::Bytes;
use kernel::Fault;

use super::record::Mapping;
use super::{Stop, Work};
use crate::invoke::{self, Outcome, Request};
use crate::resolve::route;

/// `LastProcessingResult`, as AWS words it.
pub(super) const NOTHING: &str = "No records processed";
pub(super) const OK: &str = "OK";
pub(super) const FAILED: &str = "PROBLEM: Function call failed";

/// The pause doubles from the first to the second while there is no room.
const PAUSE_MS: (u64, u64) = (100, 5000);

/// What came of a batch that was handed over.
pub(super) struct Answer {
    pub outcome: Outcome,
    /// The version that ran.
    pub version: String,
    pub request_id: String,
}

impl Work {
    /// Runs the function. `None` when there was no room for it until `deadline` (of
    /// [`kernel::Ctx::elapsed`]), or the reader has to end.
    pub(super) async fn call(
        &self,
        mapping: &Mapping,
        payload: Bytes,
        deadline: Option<Duration>,
        stop: &Stop,
    ) -> Option<Answer> {
        let mut refusals = 0u32;
        loop {
            let fault = match self.attempt(mapping, payload.clone()).await {
                // It was the stop that ended the function, whatever it was at.
                Ok(_) if self.ctx.kernel().is_stopping() => return None,
                Ok(answer) => return Some(answer),
                Err(fault) => fault,
            };
            self.found(FAILED);
            if refusals == 0 && fault.code != "TooManyRequestsException" {
                self.log(format_args!("{fault}"));
            }
            let (first, most) = PAUSE_MS;
            let pause = Duration::from_millis((first << refusals.min(10)).min(most));
            refusals += 1;
            let late = deadline.is_some_and(|deadline| self.ctx.elapsed() + pause > deadline);
            if late || stop.is_set() {
                return None;
            }
            stop.pause(pause).await;
        }
    }

    async fn attempt(&self, mapping: &Mapping, payload: Bytes) -> Result<Answer, Fault> {
        let target = route(&self.ctx, &mapping.name(&self.ctx))?;
        let request = Request::new(&self.ctx, payload);
        let request_id = request.request_id.clone();
        let outcome = invoke::run(&self.api, &self.ctx, &target, request).await?;
        Ok(Answer { outcome, version: target.version.version.clone(), request_id })
    }
}
