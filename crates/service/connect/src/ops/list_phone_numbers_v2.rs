//! `ListPhoneNumbersV2`: the claimed numbers of an instance, or of all.
//!
//! ```text
//! aws connect list-phone-numbers-v2 --target-arn arn:aws:connect:…:instance/…
//! {"ListPhoneNumbersSummaryList": [{"PhoneNumber": "+82200000000", …}]}
//! ```

use crate::records::{NUMBERS, NumberRecord};
use crate::{Connect, ids, page};
use api_connect::{
    Error, ListPhoneNumbersSummary, ListPhoneNumbersV2Request, ListPhoneNumbersV2Response,
};
use kernel::Ctx;
use store::Scan;

pub(crate) async fn list_phone_numbers_v2(
    _: &Connect,
    ctx: &Ctx,
    input: ListPhoneNumbersV2Request,
) -> Result<ListPhoneNumbersV2Response, Error> {
    let target = ids::target(ctx, input.target_arn.as_deref(), input.instance_id.as_deref())?;
    let found = ctx.store().read(|tx| {
        if let Some(instance) = &target {
            ids::instance(tx, ctx, instance)?;
        }
        Ok::<_, Error>(tx.scan(&NUMBERS, Scan::prefix((ctx.account(), ctx.region())))?)
    })?;
    let countries = input.phone_number_country_codes.unwrap_or_default();
    let countries: Vec<&str> = countries.iter().map(|country| country.as_str()).collect();
    let kinds = input.phone_number_types.unwrap_or_default();
    let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    let prefix = input.phone_number_prefix.unwrap_or_default();
    let wanted = |record: &NumberRecord| {
        target.as_ref().is_none_or(|instance| *instance == record.instance_id)
            && (countries.is_empty() || countries.contains(&record.country.as_str()))
            && (kinds.is_empty() || kinds.contains(&record.kind.as_str()))
            && record.number.starts_with(&prefix)
    };
    let records: Vec<NumberRecord> = found.into_iter().map(|(_, r)| r).filter(wanted).collect();
    let list = format!("ListPhoneNumbersV2/{target:?}/{countries:?}/{kinds:?}/{prefix}");
    let size = page::size(input.max_results, 100);
    let token = input.next_token.as_deref();
    let (records, next_token) =
        page::page(ctx, &list, records, |record| &record.number, token, size)?;
    let summaries = records.into_iter().map(|record| summary(ctx, record)).collect();
    Ok(ListPhoneNumbersV2Response { list_phone_numbers_summary_list: Some(summaries), next_token })
}

fn summary(ctx: &Ctx, record: NumberRecord) -> ListPhoneNumbersSummary {
    ListPhoneNumbersSummary {
        phone_number_arn: Some(ids::number_arn(ctx, &record.id)),
        phone_number_id: Some(record.id),
        phone_number: Some(record.number),
        phone_number_country_code: Some(record.country.as_str().into()),
        phone_number_type: Some(record.kind.as_str().into()),
        target_arn: Some(ids::instance_arn(ctx, &record.instance_id)),
        instance_id: Some(record.instance_id),
        phone_number_description: record.description,
        source_phone_number_arn: None,
    }
}
