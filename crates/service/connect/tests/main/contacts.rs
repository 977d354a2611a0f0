//! Contacts, after a call made one.

use crate::support::{cloud, hello, told};
use api_connect::*;
use expect_test::expect;
use service_connect::calls::{CallEvent, NumberedEvent, StartCall};
use std::collections::BTreeMap;

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_contact_is_described_and_its_attributes_updated() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let flow = cloud.flow(&instance, "f", &hello("x")).await.expect("a flow");
    let to = cloud.number(&instance, &flow).await;
    let from = "+821000001001".to_owned();
    let request = StartCall { to, from, real_time: false, seed: None };
    let call = cloud.calls.start(&cloud.kernel, request).await.expect("a call").call_id;
    let ended = |event: &NumberedEvent| matches!(event.event, CallEvent::Ended { .. });
    let mut heard = 0;
    loop {
        let events = cloud.calls.events(&cloud.kernel, &call, heard).await.expect("events");
        heard += events.len() as u64;
        if events.iter().any(ended) {
            break;
        }
    }
    let describe = |contact: &str| DescribeContactRequest {
        instance_id: instance.clone(),
        contact_id: contact.to_owned(),
    };
    let found = cloud.connect.describe_contact(describe(&call)).await.expect("it").contact;
    let found = found.expect("a contact");
    assert_eq!(found.initiation_method, Some(ContactInitiationMethod::Inbound));
    assert_eq!(found.channel, Some(Channel::Voice));
    assert_eq!(found.disconnect_reason.as_deref(), Some("CONTACT_FLOW_DISCONNECT"));
    assert_eq!(found.customer_endpoint.and_then(|e| e.address).as_deref(), Some("+821000001001"));
    assert!(found.disconnect_timestamp.is_some());

    let update = |pairs: &[(&str, &str)]| UpdateContactAttributesRequest {
        instance_id: instance.clone(),
        initial_contact_id: call.clone(),
        attributes: attributes(pairs),
    };
    cloud.connect.update_contact_attributes(update(&[("a", "1"), ("b", "2")])).await.expect("ok");
    cloud.connect.update_contact_attributes(update(&[("b", "둘")])).await.expect("ok");
    let get = GetContactAttributesRequest {
        instance_id: instance.clone(),
        initial_contact_id: call.clone(),
    };
    let found = cloud.connect.get_contact_attributes(get).await.expect("attributes");
    assert_eq!(found.attributes, Some(attributes(&[("a", "1"), ("b", "둘")])));
    expect!["400 InvalidParameterException: Invalid attribute key: a b"]
        .assert_eq(&told(cloud.connect.update_contact_attributes(update(&[("a b", "1")])).await));
    let long = "x".repeat(32_768);
    expect!["400 InvalidRequestException: Attributes exceed 32768 bytes"]
        .assert_eq(&told(cloud.connect.update_contact_attributes(update(&[("a", &long)])).await));
    expect!["404 ResourceNotFoundException: Contact not found: none"]
        .assert_eq(&told(cloud.connect.describe_contact(describe("none")).await));
}
