//! The function's role, borrowed for a while.

use std::sync::{Mutex, PoisonError};

use kernel::{Ctx, Fault};

use super::Work;
use super::record::Mapping;
use crate::resolve::resolve;
use crate::role;

/// How long a session lasts, and what must be left of it to be used again.
const LASTS_MS: i64 = 15 * 60 * 1000;
const LEFT_MS_MIN: i64 = 10 * 60 * 1000;

/// Sessions of the role of a mapping's function.
#[derive(Default)]
pub(super) struct Lender(Mutex<Option<(String, i64, Ctx)>>);

impl Lender {
    /// A context that may do what the role may.
    pub async fn ctx(&self, work: &Work, mapping: &Mapping) -> Result<Ctx, Fault> {
        let role = resolve(&work.ctx, &mapping.name(&work.ctx))?.version.role.clone();
        let now_ms = work.ctx.now().epoch_ms;
        if let Some((of, until_ms, ctx)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner)
            && *of == role
            && until_ms - now_ms > LEFT_MS_MIN
        {
            return Ok(ctx.clone());
        }
        let ctx = role::lent(&work.ctx, &role, &session(&mapping.id), LASTS_MS).await?;
        let lent = Some((role, now_ms + LASTS_MS, ctx.clone()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = lent;
        Ok(ctx)
    }
}

/// The name of the session in which a mapping reads its source.
pub(super) fn session(id: &str) -> String {
    format!("awslambda_{id}")
}
