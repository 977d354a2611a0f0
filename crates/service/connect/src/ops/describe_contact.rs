//! `DescribeContact`: what is known of a contact, running or ended.
//!
//! ```text
//! aws connect describe-contact --instance-id … --contact-id …
//! {"Contact": {"Id": "…", "InitiationMethod": "INBOUND", "Channel": "VOICE", …}}
//! ```

use crate::records::ContactRecord;
use crate::{Connect, contacts, ids};
use api_connect::{
    Contact, DescribeContactRequest, DescribeContactResponse, EndpointInfo, EndpointType, Error,
    SegmentAttributeValue,
};
use kernel::{Ctx, Timestamp};
use std::collections::BTreeMap;

pub(crate) async fn describe_contact(
    _: &Connect,
    ctx: &Ctx,
    input: DescribeContactRequest,
) -> Result<DescribeContactResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let contact = ctx.store().read(|tx| contacts::find(tx, ctx, &instance, &input.contact_id))?;
    Ok(DescribeContactResponse { contact: Some(shape(ctx, &instance, contact)) })
}

fn shape(ctx: &Ctx, instance: &str, record: ContactRecord) -> Contact {
    let endpoint = |address: String| EndpointInfo {
        r#type: Some(EndpointType::TelephoneNumber),
        address: Some(address),
        display_name: None,
    };
    let subtype = SegmentAttributeValue {
        value_string: Some("connect:Telephony".to_owned()),
        ..Default::default()
    };
    Contact {
        arn: Some(ids::contact_arn(ctx, instance, &record.id)),
        initial_contact_id: Some(record.id.clone()),
        contact_association_id: Some(record.id.clone()),
        id: Some(record.id),
        initiation_method: Some(record.initiation_method.as_str().into()),
        channel: Some(record.channel.as_str().into()),
        initiation_timestamp: Some(Timestamp::from_ms(record.started_ms)),
        connected_to_system_timestamp: Some(Timestamp::from_ms(record.started_ms)),
        disconnect_timestamp: record.ended_ms.map(Timestamp::from_ms),
        last_update_timestamp: Some(Timestamp::from_ms(record.updated_ms)),
        disconnect_reason: record.disconnect_reason,
        customer_endpoint: Some(endpoint(record.customer)),
        system_endpoint: Some(endpoint(record.system)),
        segment_attributes: Some(BTreeMap::from([("connect:Subtype".to_owned(), subtype)])),
        attributes: Some(record.attributes),
        ..Default::default()
    }
}
