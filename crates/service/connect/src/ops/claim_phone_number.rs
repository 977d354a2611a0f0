//! `ClaimPhoneNumber`: makes a number one of the instance's.
//!
//! ```text
//! aws connect claim-phone-number --target-arn arn:aws:connect:…:instance/… \
//!     --phone-number +82200000000
//! {"PhoneNumberId": "…", "PhoneNumberArn": "arn:aws:connect:…:phone-number/…"}
//! ```

use crate::records::{CLAIMS, ClaimRecord, NUMBERS, NumberRecord};
use crate::tokens::{self, Known};
use crate::{Connect, catalogue, errors, ids, tags};
use api_connect::{
    ClaimPhoneNumberRequest, ClaimPhoneNumberResponse, Error, IdempotencyException, MODEL,
};
use kernel::Ctx;

pub(crate) async fn claim_phone_number(
    _: &Connect,
    ctx: &Ctx,
    input: ClaimPhoneNumberRequest,
) -> Result<ClaimPhoneNumberResponse, Error> {
    let target = ids::target(ctx, input.target_arn.as_deref(), input.instance_id.as_deref())?;
    let Some(instance) = target else {
        return Err(errors::invalid_parameter("One of TargetArn and InstanceId is required"));
    };
    let number = input.phone_number.as_str();
    let Some(known) = catalogue::find(number, countries()) else {
        return Err(not_available(number));
    };
    let parameters =
        format!("{instance} {number} {:?} {:?}", input.phone_number_description, input.tags);
    let token = tokens::token(ctx, "ClaimPhoneNumber", input.client_token.as_deref(), &parameters);
    let record = NumberRecord {
        id: ctx.random().uuid(),
        number: known.number,
        country: known.country,
        kind: known.kind.to_owned(),
        instance_id: instance.clone(),
        description: input.phone_number_description,
        tags: tags::checked(input.tags)?,
        flow_id: None,
    };
    let id = ctx
        .store()
        .write(|tx| {
            ids::instance(tx, ctx, &instance)?;
            match token.find(tx, ctx)? {
                Known::Same(id) => return Ok(id),
                Known::Other => {
                    let message = "The client token was used with other parameters".to_owned();
                    return Err(IdempotencyException { message: Some(message) }.into());
                }
                Known::Nothing => {}
            }
            if tx.contains(&CLAIMS, record.number.as_str())? {
                return Err(not_available(&record.number));
            }
            let claim = ClaimRecord {
                account: ctx.account().to_owned(),
                region: ctx.region().to_owned(),
                number_id: record.id.clone(),
            };
            tx.put(&CLAIMS, record.number.as_str(), &claim)?;
            tx.put(&NUMBERS, (ctx.account(), ctx.region(), record.id.as_str()), &record)?;
            token.keep(tx, ctx, &record.id)?;
            Ok(record.id.clone())
        })
        .await?;
    let arn = ids::number_arn(ctx, &id);
    Ok(ClaimPhoneNumberResponse { phone_number_id: Some(id), phone_number_arn: Some(arn) })
}

fn not_available(number: &str) -> Error {
    errors::invalid_parameter(format!("The phone number {number} is not available"))
}

/// The countries that the model knows, in alphabetical order.
fn countries() -> impl Iterator<Item = String> {
    let values = MODEL.shape("PhoneNumberCountryCode").map(|shape| shape.values.clone());
    let mut values = values.unwrap_or_default();
    values.sort();
    values.into_iter()
}
