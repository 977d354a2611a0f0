//! Functions' variables and waiting events after a rotation of the installation key.

use std::sync::Arc;

use kernel::{BoxFuture, Fault, Kernel, Reseal, ResealProgress, reseal_table};

use crate::events::{EVENTS, resealed};
use crate::record::{FUNCTIONS, VERSIONS};
use crate::snapshots::Snapshots;
use crate::variables;

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
                variables::resealed(sealer, &mut function.latest)
            })
            .await?;
            reseal_table(kernel, &VERSIONS, progress, |sealer, _, version| {
                variables::resealed(sealer, version)
            })
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
