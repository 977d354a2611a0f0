//! What a sandbox is given beside its work: its share of the processor, and its class archive.

use std::time::Duration;

use kernel::Ctx;
use sandbox::Program;
use tokio::io::AsyncReadExt as _;

use crate::archives::{Archive, LIST_BYTES_MAX, make};
use crate::running::Running;
use crate::runtimes::Runtime;

/// AWS's measure: so much memory comes with one processor.
const MEMORY_MB_PER_PROCESSOR: i64 = 1769;
/// A sandbox without work for so long may be asked for its classes.
pub(crate) const CALM: Duration = Duration::from_millis(300);
/// Printing a list takes milliseconds; a machine under load may need longer.
const FETCH_MAX: Duration = Duration::from_secs(10);

impl Running {
    /// The processor time that comes with the memory, as on AWS: initialisation is over. Without
    /// control groups there is no such bound.
    pub fn bound_processor(&self) {
        if self.host.options.full_processor || self.host.options.local.is_some() {
            return;
        }
        let thousandths = i64::from(self.function.memory_mb) * 1000 / MEMORY_MB_PER_PROCESSOR;
        // A sandbox that has ended, or a group without that controller, needs no bound.
        let _ = self.control.limit_cpu(u32::try_from(thousandths).ok());
    }

    /// Whether it has noted classes that nobody has fetched yet.
    pub fn has_classes(&self) -> bool {
        matches!(self.archive, Some(Archive::Noted(_)))
    }

    /// Fetches the noted classes, and has the archive made of them in the background.
    pub async fn hand_in_classes(&mut self, ctx: &Ctx) {
        let Some(Archive::Noted(noting)) = self.archive.take() else { return };
        let runtimes = &self.host.options.runtimes;
        let Ok(runtime) = Runtime::find(runtimes, &self.function.runtime) else { return };
        let Some(list) = self.classes(ctx).await else { return };
        let (host, function) = (self.host.clone(), self.function.clone());
        let plan = std::mem::take(&mut self.plan);
        ctx.kernel().spawn(make(host, ctx.clone(), noting, (function, runtime), plan, list));
    }

    async fn classes(&mut self, ctx: &Ctx) -> Option<Vec<u8>> {
        // The function's own share would make its next event wait.
        let _ = self.control.limit_cpu(None);
        let program = Program {
            program: "/bin/sh".into(),
            args: Archive::fetch(self.control.place()),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cwd: "/".into(),
            merge_output: false,
            message_output: None,
            held: false,
            limits: self.control.limits(),
        };
        let fetching = async {
            let (_, output) = self.control.start(program).await.ok()?;
            let mut list = Vec::new();
            output.take(LIST_BYTES_MAX).read_to_end(&mut list).await.ok()?;
            Some(list)
        };
        let list = tokio::select! {
            list = fetching => list,
            () = ctx.sleep(FETCH_MAX) => None,
        };
        self.bound_processor();
        list.filter(|list| !list.is_empty() && (list.len() as u64) < LIST_BYTES_MAX)
    }

    /// The virtual machine broke down; if it used an archive, no other one will.
    pub fn distrust_archive(&self) {
        if let Some(Archive::Used(key)) = &self.archive {
            self.host.archives.distrust(key);
        }
    }
}
