//! Functions' variables and waiting events after a rotation of the installation key.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{BoxFuture, Fault, Kernel, Reseal, ResealProgress, SealError, Sealer, reseal_table};

use crate::events::{EVENTS, resealed};
use crate::record::{ENVIRONMENT, FUNCTIONS, FunctionRecord, VERSIONS};
use crate::snapshots::Snapshots;

/// Seals them again. Snapshots go, and are made again when they are wanted.
pub(crate) struct Variables {
    pub snapshots: Arc<Snapshots>,
}

impl Reseal for Variables {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            reseal_table(kernel, &FUNCTIONS, progress, |sealer, _, function| {
                again(sealer, &mut function.latest)
            })
            .await?;
            reseal_table(kernel, &VERSIONS, progress, |sealer, _, version| again(sealer, version))
                .await?;
            reseal_table(kernel, &EVENTS, progress, |sealer, _, event| resealed(sealer, event))
                .await?;
            let snapshots = self.snapshots.clone();
            let looking = tokio::task::spawn_blocking(move || snapshots.retain_current());
            let removed = looking.await.map_err(Fault::internal)?;
            progress.add(removed, removed);
            Ok(())
        })
    }
}

fn again(sealer: &Sealer, version: &mut FunctionRecord) -> Result<bool, SealError> {
    let Some(sealed) = &mut version.environment else { return Ok(false) };
    let old = BASE64.decode(&*sealed).map_err(|_| SealError::Forged)?;
    let Some(new) = sealer.resealed(ENVIRONMENT, &old)? else { return Ok(false) };
    *sealed = BASE64.encode(new);
    Ok(true)
}
