//! `AssociatePhoneNumberContactFlow`: says which flow answers a number.
//!
//! ```text
//! aws connect associate-phone-number-contact-flow --phone-number-id … --instance-id … \
//!     --contact-flow-id …
//! ```

use crate::records::NUMBERS;
use crate::{Connect, errors, flows, ids};
use api_connect::{
    AssociatePhoneNumberContactFlowOutput, AssociatePhoneNumberContactFlowRequest, Error,
};
use kernel::Ctx;

pub(crate) async fn associate_phone_number_contact_flow(
    _: &Connect,
    ctx: &Ctx,
    input: AssociatePhoneNumberContactFlowRequest,
) -> Result<AssociatePhoneNumberContactFlowOutput, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let given = input.phone_number_id.as_str();
    let missing = || errors::not_found(format!("Phone number not found: {given}"));
    let number_id = ids::number_id(ctx, given).ok_or_else(missing)?;
    ctx.store()
        .write(|tx| {
            ids::instance(tx, ctx, &instance)?;
            let key = (ctx.account(), ctx.region(), number_id.as_str());
            let mut number = tx
                .get(&NUMBERS, key)?
                .filter(|number| number.instance_id == instance)
                .ok_or_else(missing)?;
            let (flow, _) = flows::find(tx, ctx, &instance, &input.contact_flow_id)?;
            if flow.kind != "CONTACT_FLOW" {
                let message = format!("A number is answered by a CONTACT_FLOW, not {}", flow.kind);
                return Err(errors::invalid_parameter(message));
            }
            number.flow_id = Some(flow.id);
            Ok::<_, Error>(tx.put(&NUMBERS, key, &number)?)
        })
        .await?;
    Ok(AssociatePhoneNumberContactFlowOutput {})
}
