//! `UpdateContactAttributes`: adds to what is kept with a contact. A running flow sees it at its
//! next action.
//!
//! ```text
//! aws connect update-contact-attributes --instance-id … --initial-contact-id … \
//!     --attributes topic=refund
//! ```

use crate::records::CONTACTS;
use crate::{Connect, contacts, errors, ids};
use api_connect::{Error, UpdateContactAttributesRequest, UpdateContactAttributesResponse};
use flow::limits::ATTRIBUTES_BYTES_MAX;
use kernel::Ctx;

pub(crate) async fn update_contact_attributes(
    _: &Connect,
    ctx: &Ctx,
    input: UpdateContactAttributesRequest,
) -> Result<UpdateContactAttributesResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let plain = |key: &str| key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if let Some(key) = input.attributes.keys().find(|key| !plain(key)) {
        return Err(errors::invalid_parameter(format!("Invalid attribute key: {key}")));
    }
    let now_ms = ctx.now().epoch_ms;
    ctx.store()
        .write(|tx| {
            let mut contact = contacts::find(tx, ctx, &instance, &input.initial_contact_id)?;
            contact.attributes.extend(input.attributes.clone());
            let bytes: usize = contact.attributes.iter().map(|(k, v)| k.len() + v.len()).sum();
            if bytes > ATTRIBUTES_BYTES_MAX {
                let message = format!("Attributes exceed {ATTRIBUTES_BYTES_MAX} bytes");
                return Err(errors::invalid_request(message));
            }
            contact.updated_ms = now_ms;
            let key = (ctx.account(), ctx.region(), instance.as_str(), contact.id.as_str());
            Ok::<_, Error>(tx.put(&CONTACTS, key, &contact)?)
        })
        .await?;
    Ok(UpdateContactAttributesResponse {})
}
