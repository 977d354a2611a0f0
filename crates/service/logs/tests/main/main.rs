//! CloudWatch Logs through the kernel, as the gateway and other services call it.

mod delete;
mod describe;
mod filter;
mod get;
mod put;

use std::sync::Arc;
use std::time::Duration;

use api_logs::{
    Client, CreateLogGroupRequest, CreateLogStreamRequest, InputLogEvent, PutLogEventsRequest,
    PutLogEventsResponse,
};
use kernel::{Config, Ctx, Fault, Kernel, ManualClock, Principal, SeededRandom};

/// 2026-11-22T00:00:00Z.
const NOW_MS: i64 = 1_795_305_600_000;

/// A cloud with one group `/app`.
struct World {
    kernel: Kernel,
    clock: Arc<ManualClock>,
    logs: Client,
}

impl World {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let config = Config {
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(7)),
            ..Config::memory()
        };
        let kernel = Kernel::new(config);
        kernel.start(vec![service_logs::service()]);
        let logs = client(&kernel, "111122223333", "ap-northeast-2");
        let world = World { kernel, clock, logs };
        world.group("/app").await.unwrap();
        world
    }

    fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    async fn group(&self, name: &str) -> Result<(), Fault> {
        let input = CreateLogGroupRequest { log_group_name: name.into(), ..Default::default() };
        self.logs.create_log_group(input).await.map(drop)
    }

    async fn stream(&self, name: &str) -> Result<(), Fault> {
        let input =
            CreateLogStreamRequest { log_group_name: "/app".into(), log_stream_name: name.into() };
        self.logs.create_log_stream(input).await.map(drop)
    }

    /// Puts events whose times are relative to `NOW_MS`.
    async fn put(
        &self,
        stream: &str,
        events: &[(i64, &str)],
    ) -> Result<PutLogEventsResponse, Fault> {
        let event = |&(at_ms, message): &(i64, &str)| InputLogEvent {
            timestamp: NOW_MS + at_ms,
            message: message.into(),
        };
        let input = PutLogEventsRequest {
            log_group_name: "/app".into(),
            log_stream_name: stream.into(),
            log_events: events.iter().map(event).collect(),
            ..Default::default()
        };
        self.logs.put_log_events(input).await
    }
}

fn client(kernel: &Kernel, account: &str, region: &str) -> Client {
    let principal = Principal::Root { account: account.into() };
    Ctx::new(kernel, region, principal, "request".into()).client()
}

/// The code and message of a refusal.
fn refusal<T>(result: Result<T, Fault>) -> (String, String) {
    let fault = result.err().expect("a refusal");
    (fault.code.into_owned(), fault.message)
}

fn refused(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}
