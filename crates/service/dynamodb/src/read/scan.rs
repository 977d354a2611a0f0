//! Plans that look at everything.

use store::{Key, Scan};

use super::source::Source;
use super::{ReadPlan, START_INVALID};
use crate::invalid::Invalid;
use crate::key;

impl ReadPlan {
    /// The rows of a segment, once everything has been checked.
    pub(super) fn scan(
        &self,
        source: &Source<'_>,
        segment: u32,
        total: u32,
    ) -> Result<Scan, Invalid> {
        self.check_scan_start(source)?;
        let prefix = source.prefix();
        let edge = |segment: u32| {
            key::segment_start(segment, total).map(|hash| [&prefix[..], &hash[..]].concat())
        };
        let (low, high) = (edge(segment), edge(segment + 1));
        let mut scan = Scan::prefix(Key::from_bytes(prefix.clone()));
        if let Some(low) = &low {
            scan = scan.ge(Key::from_bytes(low.clone()));
        }
        if let Some(high) = &high {
            scan = scan.lt(Key::from_bytes(high.clone()));
        }
        if let Some(start) = &self.start {
            let start = source.place(start);
            let at = start.as_bytes();
            let outside =
                low.is_some_and(|low| at < &low[..]) || high.is_some_and(|high| at >= &high[..]);
            if outside {
                return Err(invalid(&format!(
                    "Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct \
                     Segment. TotalSegments: {total} Segment: {segment}"
                )));
            }
            scan = scan.after(start);
        }
        self.check_projection_paths(source)?;
        self.check_filter_paths(source)?;
        Ok(scan)
    }

    fn check_scan_start(&self, source: &Source<'_>) -> Result<(), Invalid> {
        let Some(start) = &self.start else { return self.check_projected(source) };
        if source.index.is_some() {
            if start.len() != source.start_keys().len() {
                return Err(Invalid::new(START_INVALID));
            }
            source.keys().try_for_each(|key| self.check_start_part(key))?;
            self.check_projected(source)?;
            return source.check_table_key(start).map_err(|problem| invalid(&problem.0));
        }
        source.table.check_key(start).map_err(|problem| invalid(&problem.0))
    }
}

fn invalid(problem: &str) -> Invalid {
    Invalid(format!("{START_INVALID}: {problem}"))
}

/// Which segment of how many; the whole is the one segment of one.
///
/// # Errors
/// In DynamoDB's words, if the two do not go together.
pub(crate) fn segment(segment: Option<i32>, total: Option<i32>) -> Result<(u32, u32), Invalid> {
    match (segment, total) {
        (None, None) => Ok((0, 1)),
        (Some(_), None) => Err(Invalid::new(
            "The TotalSegments parameter is required but was not present in the request \
             when Segment parameter is present",
        )),
        (None, Some(_)) => Err(Invalid::new(
            "The Segment parameter is required but was not present in the request \
             when parameter TotalSegments is present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(Invalid(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: \
             Segment: {segment} is not less than TotalSegments: {total}"
        ))),
        // The model allows no negative ones.
        (Some(segment), Some(total)) => Ok((segment.unsigned_abs(), total.unsigned_abs())),
    }
}
