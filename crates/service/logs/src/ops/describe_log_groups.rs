//! `DescribeLogGroups`: by name, in pages.
//!
//! ```text
//! aws logs describe-log-groups --log-group-name-prefix /aws/lambda/
//! {"logGroups": [{"logGroupName": "/aws/lambda/desk", "storedBytes": 1234, …}]}
//! ```

use api_logs::{
    DescribeLogGroupsRequest, DescribeLogGroupsResponse, Error, LogGroup, LogGroupClass,
};
use kernel::{Ctx, Fault};
use store::{Key, ReadTx, Scan};

use super::{PAGE_ITEMS, count};
use crate::Logs;
use crate::error::{bad_token, invalid, not_served};
use crate::name::{group_arn, identified};
use crate::table::{GROUPS, GroupRecord, group_key, name_in, streams_scan};
use crate::token;

/// Groups looked at in one step.
const STEP: usize = 256;

pub(crate) async fn describe_log_groups(
    _: &Logs,
    ctx: &Ctx,
    input: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, Error> {
    check(&input)?;
    let limit = count(input.limit, PAGE_ITEMS);
    let groups = ctx.store().read(|tx| match &input.log_group_identifiers {
        Some(identifiers) => named(tx, ctx, identifiers),
        None => listed(tx, ctx, &input, limit + 1),
    });
    let mut groups = groups?;
    let next_token = (input.log_group_identifiers.is_none() && groups.len() > limit).then(|| {
        groups.truncate(limit);
        let last = groups.last().and_then(|group| group.log_group_name.as_deref());
        token::issue(ctx, &scope(), last.unwrap_or_default().as_bytes())
    });
    Ok(DescribeLogGroupsResponse { log_groups: Some(groups), next_token })
}

fn scope() -> Key {
    Key::of("DescribeLogGroups")
}

fn check(input: &DescribeLogGroupsRequest) -> Result<(), Fault> {
    let operation = "DescribeLogGroups";
    if input.include_linked_accounts == Some(true) {
        return Err(not_served(operation, "includeLinkedAccounts"));
    }
    if input.account_identifiers.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(not_served(operation, "accountIdentifiers"));
    }
    let filters = [
        input.log_group_name_prefix.is_some(),
        input.log_group_name_pattern.is_some(),
        input.log_group_class.is_some(),
    ];
    if filters[0] && filters[1] {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    if input.log_group_identifiers.is_some() && filters.contains(&true) {
        return Err(invalid("logGroupIdentifiers cannot be combined with other filters."));
    }
    Ok(())
}

/// The groups of the list that exist.
fn named(tx: &ReadTx, ctx: &Ctx, identifiers: &[String]) -> Result<Vec<LogGroup>, Error> {
    let mut groups = Vec::new();
    for identifier in identifiers {
        let Ok(name) = identified(ctx, identifier.clone()) else { continue };
        if let Some(record) = tx.get(&GROUPS, group_key(ctx, &name))? {
            groups.push(described(tx, ctx, name, record)?);
        }
    }
    Ok(groups)
}

/// Up to `wanted` groups by prefix or pattern, after the token's.
fn listed(
    tx: &ReadTx,
    ctx: &Ctx,
    input: &DescribeLogGroupsRequest,
    wanted: usize,
) -> Result<Vec<LogGroup>, Error> {
    let here = Key::of((ctx.account(), ctx.region()));
    let prefix = input.log_group_name_prefix.as_deref().unwrap_or_default();
    let mut scan = Scan::prefix(here.text_beginning(prefix)).limit(STEP);
    if let Some(given) = &input.next_token {
        let last = String::from_utf8(token::open(ctx, &scope(), given)?);
        scan = scan.after(group_key(ctx, &last.map_err(|_| bad_token())?));
    }
    let mut groups = Vec::new();
    // Every group is of the one class that can be created.
    if input.log_group_class.as_ref().is_some_and(|c| !matches!(c, LogGroupClass::Standard)) {
        return Ok(groups);
    }
    loop {
        let step = tx.scan(&GROUPS, scan.clone())?;
        let full = step.len() == STEP;
        for (key, record) in step {
            scan = scan.after(&key);
            let name = name_in(&key);
            match input.log_group_name_pattern.as_deref() {
                None => groups.push(described(tx, ctx, name, record)?),
                Some(part) if name.contains(part) => groups.push(brief(ctx, name, &record)),
                Some(_) => continue,
            }
            if groups.len() == wanted {
                return Ok(groups);
            }
        }
        if !full {
            return Ok(groups);
        }
    }
}

/// What AWS answers to a search by pattern: no more than name, ARN and time.
fn brief(ctx: &Ctx, name: String, record: &GroupRecord) -> LogGroup {
    let arn = group_arn(ctx, &name);
    LogGroup {
        arn: Some(format!("{arn}:*")),
        creation_time: Some(record.created_ms as i64),
        log_group_name: Some(name),
        ..LogGroup::default()
    }
}

fn described(tx: &ReadTx, ctx: &Ctx, name: String, record: GroupRecord) -> Result<LogGroup, Error> {
    let streams = tx.scan(&crate::table::STREAMS, streams_scan(ctx, record.rows(&name), ""))?;
    let bytes: u64 = streams.iter().map(|(_, stream)| stream.bytes).sum();
    Ok(LogGroup {
        log_group_arn: Some(group_arn(ctx, &name)),
        stored_bytes: Some(bytes as i64),
        metric_filter_count: Some(record.metric_filters as i32),
        retention_in_days: record.retention_days.map(|days| days as i32),
        log_group_class: Some(LogGroupClass::Standard),
        deletion_protection_enabled: Some(record.deletion_protection),
        ..brief(ctx, name, &record)
    })
}
