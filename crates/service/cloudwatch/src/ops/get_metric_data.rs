//! `GetMetricData`: series of metrics, and what expressions make of them.
//!
//! A page ends at so many data points; its token says in which series, and after which moment,
//! the next one begins.

use api_cloudwatch::{
    Error, GetMetricDataInput, GetMetricDataOutput, MetricDataResult, ScanBy, StatusCode,
};
use kernel::Ctx;
use shape::Timestamp;
use store::{Key, Part};

use crate::error::{bad_token, validation};
use crate::query::{Answer, Queries};
use crate::{CloudWatch, token};

const QUERIES_MAX: usize = 500;
const POINTS_MAX: i32 = 100_800;
const SCOPE: &str = "GetMetricData";

pub(crate) async fn get_metric_data(
    _: &CloudWatch,
    ctx: &Ctx,
    input: GetMetricDataInput,
) -> Result<GetMetricDataOutput, Error> {
    if input.start_time == input.end_time {
        return Err(validation("The parameter StartTime must not equal parameter EndTime."));
    }
    if input.start_time > input.end_time {
        return Err(validation("The parameter EndTime must be greater than StartTime."));
    }
    if input.metric_data_queries.len() > QUERIES_MAX {
        return Err(validation(format!(
            "The collection MetricDataQueries must not have a size greater than {QUERIES_MAX}."
        )));
    }
    let most = input.max_datapoints.unwrap_or(POINTS_MAX);
    if !(1..=POINTS_MAX).contains(&most) {
        return Err(validation(format!(
            "The parameter MaxDatapoints must be between 1 and {POINTS_MAX}."
        )));
    }
    let from = match &input.next_token {
        Some(given) => {
            let opened = token::open(ctx, SCOPE, given);
            opened.and_then(|payload| Place::read(&payload)).ok_or_else(bad_token)?
        }
        None => Place::default(),
    };
    let (start_ms, end_ms) = (input.start_time.epoch_ms, input.end_time.epoch_ms);
    let queries = Queries::new(ctx, &input.metric_data_queries, start_ms, end_ms)?;
    let answers = queries.answer(ctx, &ctx.store().snapshot())?;
    let ascending = input.scan_by == Some(ScanBy::TimestampAscending);
    let (results, next) = page(answers, ascending, from, most as usize);
    Ok(GetMetricDataOutput {
        metric_data_results: Some(results),
        next_token: next.map(|place| token::issue(ctx, SCOPE, place.key().as_bytes())),
        messages: Some(Vec::new()),
    })
}

/// Where a page begins.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Index of the series.
    series: u64,
    /// Moment of the last point that was answered of it.
    after_s: Option<u64>,
}

impl Place {
    fn key(self) -> Key {
        let key = Key::new().u64(self.series);
        self.after_s.into_iter().fold(key, Key::u64)
    }

    fn read(payload: &[u8]) -> Option<Self> {
        match Key::from_bytes(payload).parts()?.as_slice() {
            [Part::U64(series)] => Some(Place { series: *series, after_s: None }),
            [Part::U64(series), Part::U64(at)] => {
                Some(Place { series: *series, after_s: Some(*at) })
            }
            _ => None,
        }
    }
}

fn page(
    answers: Vec<Answer>,
    ascending: bool,
    from: Place,
    most: usize,
) -> (Vec<MetricDataResult>, Option<Place>) {
    let mut results = Vec::new();
    let mut left = most;
    let skipped = usize::try_from(from.series).unwrap_or(usize::MAX);
    for (index, answer) in answers.into_iter().enumerate().skip(skipped) {
        let series = index as u64;
        if left == 0 {
            return (results, Some(Place { series, after_s: None }));
        }
        let mut points: Vec<(u64, f64)> = answer.points.into_iter().collect();
        if !ascending {
            points.reverse();
        }
        if let Some(after_s) = from.after_s.filter(|_| series == from.series) {
            points.retain(|(at_s, _)| if ascending { *at_s > after_s } else { *at_s < after_s });
        }
        let is_whole = points.len() <= left;
        points.truncate(left);
        left -= points.len();
        let last = points.last().map(|(at_s, _)| *at_s);
        let time = |(at_s, _): &(u64, f64)| Timestamp::from_ms(*at_s as i64 * 1000);
        results.push(MetricDataResult {
            id: Some(answer.id),
            label: Some(answer.label),
            timestamps: Some(points.iter().map(time).collect()),
            values: Some(points.iter().map(|(_, value)| *value).collect()),
            status_code: Some(match is_whole {
                true => StatusCode::Complete,
                false => StatusCode::PartialData,
            }),
            messages: None,
        });
        if !is_whole {
            return (results, Some(Place { series, after_s: last }));
        }
    }
    (results, None)
}
