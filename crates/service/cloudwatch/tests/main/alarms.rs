//! Alarms over time: their timers, and what they make of what comes and what does not.

use api_cloudwatch::{
    ComparisonOperator, DescribeAlarmHistoryInput, HistoryItemType, PutMetricAlarmInput, ScanBy,
    Statistic,
};

use super::*;

/// Lets minutes pass, each with a sample if there is one, until the alarm says so.
#[allow(clippy::disallowed_methods)]
async fn check(world: &World, samples: &[Option<f64>], expected: &str) {
    for sample in samples {
        if let Some(value) = sample {
            world.put(world.now_ms(), *value, 60).await;
        }
        world.clock.advance(Duration::from_secs(60));
        // The timer of this minute, whose successor it schedules.
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    for _ in 0..200 {
        if world.state().await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{samples:?}: {}, not {expected}", world.state().await);
}

impl World {
    fn now_ms(&self) -> i64 {
        self.kernel.clock().now().epoch_ms
    }

    async fn alarm(&self, of: i32, least: i32) {
        let input = PutMetricAlarmInput {
            alarm_name: "many".into(),
            namespace: Some("Desk".into()),
            metric_name: Some("Calls".into()),
            statistic: Some(Statistic::Sum),
            period: Some(60),
            evaluation_periods: Some(of),
            datapoints_to_alarm: Some(least),
            threshold: Some(10.0),
            comparison_operator: Some(ComparisonOperator::GreaterThanThreshold),
            ..Default::default()
        };
        self.metrics.put_metric_alarm(input).await.unwrap();
    }

    async fn state(&self) -> String {
        let found = self.metrics.describe_alarms(Default::default()).await.unwrap();
        let alarm = found.metric_alarms.unwrap_or_default().pop().unwrap();
        alarm.state_value.unwrap().as_str().to_owned()
    }
}

#[tokio::test]
async fn two_of_three_make_an_alarm() {
    let world = World::new();
    world.clock.advance(Duration::from_secs(30));
    world.alarm(3, 2).await;
    check(&world, &[], "INSUFFICIENT_DATA").await;
    check(&world, &[Some(1.0), Some(2.0), Some(3.0), Some(1.0)], "OK").await;
    check(&world, &[Some(11.0), Some(1.0)], "OK").await;
    check(&world, &[Some(12.0)], "ALARM").await;
    check(&world, &[Some(1.0), Some(2.0)], "OK").await;
    check(&world, &[None; 8], "INSUFFICIENT_DATA").await;
    let input = DescribeAlarmHistoryInput {
        history_item_type: Some(HistoryItemType::StateUpdate),
        scan_by: Some(ScanBy::TimestampAscending),
        ..Default::default()
    };
    let found = world.metrics.describe_alarm_history(input).await.unwrap();
    let items = found.alarm_history_items.unwrap_or_default().into_iter();
    let summaries: Vec<String> = items.filter_map(|item| item.history_summary).collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Alarm updated from OK to ALARM",
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to INSUFFICIENT_DATA",
        ]
    );
}
