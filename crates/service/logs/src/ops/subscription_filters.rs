//! `PutSubscriptionFilter`, `DescribeSubscriptionFilters`, `DeleteSubscriptionFilter`.
//!
//! ```text
//! aws logs put-subscription-filter --log-group-name /app --filter-name errors \
//!     --filter-pattern ERROR --destination-arn arn:aws:lambda:…:function:told
//! ```

use api_logs::{
    DeleteSubscriptionFilterOutput, DeleteSubscriptionFilterRequest,
    DescribeSubscriptionFiltersRequest, DescribeSubscriptionFiltersResponse, Distribution, Error,
    PutSubscriptionFilterOutput, PutSubscriptionFilterRequest, SubscriptionFilter,
};
use kernel::{Arn, Ctx, Fault};
use store::{Key, Scan};

use super::{PAGE_ITEMS, count, pattern_refusal};
use crate::error::{bad_token, invalid, no_filter, not_served, too_many};
use crate::filters::{SUBSCRIPTIONS, SUBSCRIPTIONS_MAX, Subscription};
use crate::pattern::Pattern;
use crate::table::{GROUPS, group_key, name_in, require_group, stream_key};
use crate::{Logs, subscriptions, token};

pub(crate) async fn put_subscription_filter(
    _: &Logs,
    ctx: &Ctx,
    input: PutSubscriptionFilterRequest,
) -> Result<PutSubscriptionFilterOutput, Error> {
    let (group, name) = (&input.log_group_name, &input.filter_name);
    ctx.store().read(|tx| require_group(tx, ctx, group))?;
    check(ctx, &input)?;
    Pattern::parse(&input.filter_pattern).map_err(pattern_refusal)?;
    let destination = &input.destination_arn;
    if subscriptions::may_call(ctx, destination, group).await.is_err() {
        return Err(invalid(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs \
             permission to execute your function.",
        )
        .into());
    }
    if subscriptions::feeds_itself(&ctx.as_service("logs.amazonaws.com"), destination, group)
        .await?
    {
        let message =
            "The function writes to this log group: every call of it would cause another.";
        return Err(invalid(message).into());
    }
    let mut filter = Subscription {
        group: group.clone(),
        pattern: input.filter_pattern.clone(),
        destination: destination.clone(),
        distribution: input.distribution.unwrap_or(Distribution::ByLogStream).as_str().to_owned(),
        created_ms: ctx.now().epoch_ms.max(0) as u64,
    };
    ctx.store()
        .write(|tx| {
            let mut parent = require_group(tx, ctx, group)?;
            let rows = parent.rows(group).to_owned();
            let key = stream_key(ctx, &rows, name);
            match tx.get(&SUBSCRIPTIONS, key)? {
                Some(old) => filter.created_ms = old.created_ms,
                None if parent.subscriptions >= SUBSCRIPTIONS_MAX => return Err(too_many().into()),
                None => {
                    parent.subscriptions += 1;
                    tx.put(&GROUPS, group_key(ctx, group), &parent)?;
                }
            }
            Ok::<_, Error>(tx.put(&SUBSCRIPTIONS, key, &filter)?)
        })
        .await?;
    Ok(PutSubscriptionFilterOutput {})
}

/// Only functions of the same account and region are served.
fn check(ctx: &Ctx, input: &PutSubscriptionFilterRequest) -> Result<(), Fault> {
    let operation = "PutSubscriptionFilter";
    let unserved = [
        ("applyOnTransformedLogs", input.apply_on_transformed_logs == Some(true)),
        ("fieldSelectionCriteria", input.field_selection_criteria.is_some()),
        (
            "emitSystemFields",
            input.emit_system_fields.as_ref().is_some_and(|list| !list.is_empty()),
        ),
    ];
    if let Some((parameter, _)) = unserved.into_iter().find(|(_, is_given)| *is_given) {
        return Err(not_served(operation, parameter));
    }
    let Ok(arn) = Arn::parse(&input.destination_arn) else {
        return Err(invalid("Invalid destination ARN."));
    };
    let kind = match arn.service.as_str() {
        "lambda" => None,
        "kinesis" => Some("Kinesis streams"),
        "firehose" => Some("Firehose streams"),
        "es" | "aoss" => Some("OpenSearch domains"),
        "logs" => Some("logical destinations of CloudWatch Logs"),
        _ => return Err(invalid("Invalid destination ARN.")),
    };
    if let Some(kind) = kind {
        return Err(Fault::not_implemented(format_args!("{kind} as destinations of {operation}")));
    }
    if arn.account != ctx.account() || arn.region != ctx.region() {
        let message = "A function as destination must be of the log group's account and region.";
        return Err(invalid(message));
    }
    if input.role_arn.is_some() {
        return Err(invalid("destinationArn for vendor lambda cannot be used with roleArn"));
    }
    Ok(())
}

pub(crate) async fn describe_subscription_filters(
    _: &Logs,
    ctx: &Ctx,
    input: DescribeSubscriptionFiltersRequest,
) -> Result<DescribeSubscriptionFiltersResponse, Error> {
    let group = &input.log_group_name;
    let scope = Key::of(("DescribeSubscriptionFilters", group));
    let limit = count(input.limit, PAGE_ITEMS);
    let mut found = ctx.store().read(|tx| {
        let parent = require_group(tx, ctx, group)?;
        let of_group = group_key(ctx, parent.rows(group));
        let prefix = input.filter_name_prefix.as_deref().unwrap_or_default();
        let mut scan = Scan::prefix(Key::of(of_group).text_beginning(prefix)).limit(limit + 1);
        if let Some(given) = &input.next_token {
            let last = String::from_utf8(token::open(ctx, &scope, given)?);
            scan = scan.after(Key::of(of_group).text(&last.map_err(|_| bad_token())?));
        }
        Ok::<_, Error>(tx.scan(&SUBSCRIPTIONS, scan)?)
    })?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_token = last.map(|(key, _)| token::issue(ctx, &scope, name_in(key).as_bytes()));
    let described = |(key, filter): (Key, Subscription)| SubscriptionFilter {
        filter_name: Some(name_in(&key)),
        log_group_name: Some(filter.group),
        filter_pattern: Some(filter.pattern),
        destination_arn: Some(filter.destination),
        distribution: Some(match filter.distribution.as_str() {
            "Random" => Distribution::Random,
            _ => Distribution::ByLogStream,
        }),
        apply_on_transformed_logs: Some(false),
        creation_time: Some(filter.created_ms as i64),
        ..Default::default()
    };
    let subscription_filters = Some(found.into_iter().map(described).collect());
    Ok(DescribeSubscriptionFiltersResponse { subscription_filters, next_token })
}

pub(crate) async fn delete_subscription_filter(
    _: &Logs,
    ctx: &Ctx,
    input: DeleteSubscriptionFilterRequest,
) -> Result<DeleteSubscriptionFilterOutput, Error> {
    let group = &input.log_group_name;
    ctx.store()
        .write(|tx| {
            let mut parent = require_group(tx, ctx, group)?;
            let rows = parent.rows(group).to_owned();
            let key = stream_key(ctx, &rows, &input.filter_name);
            if !tx.contains(&SUBSCRIPTIONS, key)? {
                return Err(Error::from(no_filter("subscription")));
            }
            parent.subscriptions = parent.subscriptions.saturating_sub(1);
            tx.put(&GROUPS, group_key(ctx, group), &parent)?;
            Ok(tx.delete(&SUBSCRIPTIONS, key)?)
        })
        .await?;
    Ok(DeleteSubscriptionFilterOutput {})
}
