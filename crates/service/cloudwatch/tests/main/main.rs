//! CloudWatch through the kernel, over more time than a client has.

mod alarms;

use std::sync::Arc;
use std::time::Duration;

use api_cloudwatch::{
    Client, GetMetricStatisticsInput, ListMetricsInput, MetricDatum, PutMetricDataInput,
};
use kernel::{Config, Ctx, Kernel, ManualClock, Principal, SeededRandom};
use shape::Timestamp;

/// 2026-11-22T00:00:00Z.
const NOW_MS: i64 = 1_795_305_600_000;
const MINUTE_MS: i64 = 60_000;
const DAY_S: u64 = 86_400;

struct World {
    clock: Arc<ManualClock>,
    metrics: Client,
    kernel: Kernel,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(NOW_MS));
        let config = Config {
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(7)),
            ..Config::memory()
        };
        let kernel = Kernel::new(config);
        kernel.start(vec![service_cloudwatch::service()]);
        let root = Principal::root("111122223333");
        let metrics = Ctx::new(&kernel, "ap-northeast-2", root, "request".into()).client();
        World { clock, metrics, kernel }
    }

    async fn put(&self, at_ms: i64, value: f64, resolution: i32) {
        let datum = MetricDatum {
            metric_name: "Calls".into(),
            timestamp: Some(Timestamp::from_ms(at_ms)),
            value: Some(value),
            storage_resolution: Some(resolution),
            ..Default::default()
        };
        let metric_data = Some(vec![datum]);
        let namespace = "Desk".into();
        let input = PutMetricDataInput { namespace, metric_data, ..Default::default() };
        self.metrics.put_metric_data(input).await.unwrap();
    }

    /// Minutes after `NOW_MS` and sums of the points of one hour from there.
    async fn sums(&self, period_s: i32) -> Vec<(i64, f64)> {
        let input = GetMetricStatisticsInput {
            namespace: "Desk".into(),
            metric_name: "Calls".into(),
            start_time: Timestamp::from_ms(NOW_MS),
            end_time: Timestamp::from_ms(NOW_MS + 60 * MINUTE_MS),
            period: period_s,
            statistics: Some(vec!["Sum".into()]),
            ..Default::default()
        };
        let found = self.metrics.get_metric_statistics(input).await.unwrap();
        let points = found.datapoints.unwrap_or_default().into_iter().map(|point| {
            let at_ms = point.timestamp.unwrap().epoch_ms;
            ((at_ms - NOW_MS) / MINUTE_MS, point.sum.unwrap())
        });
        points.collect()
    }

    async fn listed(&self) -> usize {
        let found = self.metrics.list_metrics(ListMetricsInput::default()).await.unwrap();
        found.metrics.unwrap_or_default().len()
    }

    /// Lets days pass until the tasks have made the points so.
    #[allow(clippy::disallowed_methods)]
    async fn check(&self, days: u64, period_s: i32, expected: &[(i64, f64)]) {
        self.clock.advance(Duration::from_secs(days * DAY_S));
        let mut found = Vec::new();
        for _ in 0..200 {
            found = self.sums(period_s).await;
            if found == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("after {days} more days: {found:?}, not {expected:?}");
    }
}

#[tokio::test]
async fn samples_age() {
    let world = World::new();
    for (minute, value) in [(1, 1.0), (2, 2.0), (7, 4.0), (31, 8.0)] {
        world.put(NOW_MS + minute * MINUTE_MS, value, 60).await;
    }
    world.check(0, 60, &[(1, 1.0), (2, 2.0), (7, 4.0), (31, 8.0)]).await;
    assert_eq!(world.listed().await, 1);
    world.check(14, 60, &[(1, 1.0), (2, 2.0), (7, 4.0), (31, 8.0)]).await;
    world.check(2, 60, &[(0, 3.0), (5, 4.0), (30, 8.0)]).await;
    assert_eq!(world.listed().await, 0);
    world.check(46, 300, &[(0, 3.0), (5, 4.0), (30, 8.0)]).await;
    world.check(2, 300, &[(0, 15.0)]).await;
    world.check(390, 3600, &[(0, 15.0)]).await;
    world.check(2, 3600, &[]).await;
}

#[tokio::test]
async fn seconds_end_after_three_hours() {
    let world = World::new();
    world.put(NOW_MS + 5_000, 1.0, 1).await;
    world.put(NOW_MS + 65_000, 2.0, 1).await;
    world.check(0, 30, &[(0, 1.0), (1, 2.0)]).await;
    world.clock.advance(Duration::from_secs(3 * 3600 + 60));
    world.check(0, 30, &[(1, 2.0)]).await;
    world.check(0, 60, &[(0, 1.0), (1, 2.0)]).await;
}
