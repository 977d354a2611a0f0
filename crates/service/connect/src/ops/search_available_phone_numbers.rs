//! `SearchAvailablePhoneNumbers`: numbers nobody has claimed yet.
//!
//! ```text
//! aws connect search-available-phone-numbers --target-arn arn:aws:connect:…:instance/… \
//!     --phone-number-country-code KR --phone-number-type DID --max-results 1
//! {"AvailableNumbersList": [{"PhoneNumber": "+82200000000", …}]}
//! ```

use crate::catalogue::{self, Number};
use crate::records::CLAIMS;
use crate::{Connect, errors, ids, page};
use api_connect::{
    AvailableNumberSummary, Error, SearchAvailablePhoneNumbersRequest,
    SearchAvailablePhoneNumbersResponse,
};
use kernel::{Ctx, StoreError};

pub(crate) async fn search_available_phone_numbers(
    _: &Connect,
    ctx: &Ctx,
    input: SearchAvailablePhoneNumbersRequest,
) -> Result<SearchAvailablePhoneNumbersResponse, Error> {
    let target = ids::target(ctx, input.target_arn.as_deref(), input.instance_id.as_deref())?;
    let Some(instance) = target else {
        return Err(errors::invalid_parameter("One of TargetArn and InstanceId is required"));
    };
    ctx.store().read(|tx| ids::instance(tx, ctx, &instance))?;
    let (country, kind) =
        (input.phone_number_country_code.as_str(), input.phone_number_type.as_str());
    let prefix = input.phone_number_prefix.unwrap_or_default();
    let numbers = ctx.store().read(|tx| {
        let mut free = Vec::new();
        for number in catalogue::numbers(country, kind) {
            let fits = number.number.starts_with(&prefix);
            if fits && !tx.contains(&CLAIMS, number.number.as_str())? {
                free.push(number);
            }
        }
        Ok::<Vec<Number>, StoreError>(free)
    })?;
    let list = format!("SearchAvailablePhoneNumbers/{instance}/{country}/{kind}/{prefix}");
    let size = page::size(input.max_results, 10);
    let token = input.next_token.as_deref();
    let (numbers, next_token) =
        page::page(ctx, &list, numbers, |number| &number.number, token, size)?;
    let summary = |number: Number| AvailableNumberSummary {
        phone_number: Some(number.number),
        phone_number_country_code: Some(number.country.as_str().into()),
        phone_number_type: Some(number.kind.into()),
    };
    let numbers = numbers.into_iter().map(summary).collect();
    Ok(SearchAvailablePhoneNumbersResponse { available_numbers_list: Some(numbers), next_token })
}
