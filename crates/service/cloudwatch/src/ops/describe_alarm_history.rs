//! `DescribeAlarmHistory`: what happened to one alarm, or to all.

use api_cloudwatch::{
    AlarmHistoryItem, AlarmType, DescribeAlarmHistoryInput, DescribeAlarmHistoryOutput, Error,
    ScanBy,
};
use kernel::Ctx;
use shape::Timestamp;
use store::{Key, Part, Scan};

use crate::alarm::history::{HISTORY, Item};
use crate::error::{bad_token, not_served};
use crate::{CloudWatch, token};

const PAGE: i32 = 100;
const BATCH: usize = 500;
const SCOPE: &str = "DescribeAlarmHistory";

pub(crate) async fn describe_alarm_history(
    _: &CloudWatch,
    ctx: &Ctx,
    input: DescribeAlarmHistoryInput,
) -> Result<DescribeAlarmHistoryOutput, Error> {
    if input.alarm_contributor_id.is_some() {
        return Err(not_served("the parameter AlarmContributorId of DescribeAlarmHistory"));
    }
    let of_metrics = |types: &Vec<AlarmType>| types.contains(&AlarmType::MetricAlarm);
    if !input.alarm_types.as_ref().is_none_or(of_metrics) {
        let alarm_history_items = Some(Vec::new());
        return Ok(DescribeAlarmHistoryOutput { alarm_history_items, ..Default::default() });
    }
    let mut after = match &input.next_token {
        Some(given) => Some(Key::from_bytes(token::open(ctx, SCOPE, given).ok_or_else(bad_token)?)),
        None => None,
    };
    let most = input.max_records.unwrap_or(PAGE).max(1) as usize;
    let snapshot = ctx.store().snapshot();
    let mut found = Vec::new();
    let next = loop {
        let mut scan = range(ctx, &input);
        if let Some(after) = &after {
            scan = scan.after(after);
        }
        let batch = snapshot.scan(&HISTORY, scan.limit(BATCH))?;
        let is_last = batch.len() < BATCH;
        let mut is_full = false;
        for (key, item) in batch {
            if fits(&input, &item) {
                is_full = found.len() == most;
                if is_full {
                    break;
                }
                found.push(shown(&key, item));
            }
            after = Some(key);
        }
        if is_full || is_last {
            break after.filter(|_| is_full);
        }
    };
    Ok(DescribeAlarmHistoryOutput {
        alarm_history_items: Some(found),
        next_token: next.map(|key| token::issue(ctx, SCOPE, key.as_bytes())),
    })
}

fn range(ctx: &Ctx, input: &DescribeAlarmHistoryInput) -> Scan {
    let whose = (ctx.account(), ctx.region());
    let mut scan = Scan::prefix(whose);
    if let Some(start) = input.start_date {
        scan = scan.ge((whose, start.epoch_ms.max(0) as u64));
    }
    if let Some(end) = input.end_date {
        scan = scan.le((whose, end.epoch_ms.max(0) as u64));
    }
    // The newest first, unless asked otherwise.
    if input.scan_by == Some(ScanBy::TimestampAscending) { scan } else { scan.reverse() }
}

fn fits(input: &DescribeAlarmHistoryInput, item: &Item) -> bool {
    input.alarm_name.as_ref().is_none_or(|name| *name == item.name)
        && input.history_item_type.as_ref().is_none_or(|kind| kind.as_str() == item.kind)
}

fn shown(key: &Key, item: Item) -> AlarmHistoryItem {
    let at_ms = match key.parts().as_deref() {
        Some([_, _, Part::U64(at_ms), _]) => *at_ms as i64,
        _ => 0,
    };
    AlarmHistoryItem {
        alarm_name: Some(item.name),
        alarm_type: Some(AlarmType::MetricAlarm),
        timestamp: Some(Timestamp::from_ms(at_ms)),
        history_item_type: Some(item.kind.as_str().into()),
        history_summary: Some(item.summary),
        history_data: Some(item.data),
        ..Default::default()
    }
}
