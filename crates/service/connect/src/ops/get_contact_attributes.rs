//! `GetContactAttributes`: what flows and programs keep with a contact.
//!
//! ```text
//! aws connect get-contact-attributes --instance-id … --initial-contact-id …
//! {"Attributes": {"topic": "cancelled-flight"}}
//! ```

use crate::{Connect, contacts, ids};
use api_connect::{Error, GetContactAttributesRequest, GetContactAttributesResponse};
use kernel::Ctx;

pub(crate) async fn get_contact_attributes(
    _: &Connect,
    ctx: &Ctx,
    input: GetContactAttributesRequest,
) -> Result<GetContactAttributesResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let contact =
        ctx.store().read(|tx| contacts::find(tx, ctx, &instance, &input.initial_contact_id))?;
    Ok(GetContactAttributesResponse { attributes: Some(contact.attributes) })
}
