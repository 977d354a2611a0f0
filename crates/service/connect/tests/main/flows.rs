//! Flows: publishing, saving, refusing.

use crate::support::{Cloud, cloud, document, hello, told};
use api_connect::*;
use expect_test::expect;
use serde_json::json;

async fn describe(cloud: &Cloud, instance: &str, flow: &str) -> Result<ContactFlow, String> {
    let request = DescribeContactFlowRequest {
        instance_id: instance.to_owned(),
        contact_flow_id: flow.to_owned(),
    };
    match cloud.connect.describe_contact_flow(request).await {
        Ok(found) => Ok(found.contact_flow.expect("a flow")),
        fault => Err(told(fault)),
    }
}

async fn update(cloud: &Cloud, instance: &str, flow: &str, content: &str) -> Result<(), String> {
    let request = UpdateContactFlowContentRequest {
        instance_id: instance.to_owned(),
        contact_flow_id: flow.to_owned(),
        content: content.to_owned(),
    };
    match cloud.connect.update_contact_flow_content(request).await {
        Ok(_) => Ok(()),
        fault => Err(told(fault)),
    }
}

#[tokio::test]
async fn a_flow_is_published_and_saved_apart() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let (first, second) = (hello("하나"), hello("둘"));
    let id = cloud.flow(&instance, "안내", &first).await.expect("a flow");
    let saved = format!("{id}:$SAVED");
    update(&cloud, &instance, &saved, &second).await.expect("saved");
    let published = describe(&cloud, &instance, &id).await.expect("published");
    assert_eq!(published.content.as_deref(), Some(first.as_str()));
    assert_eq!(published.status, Some(ContactFlowStatus::Published));
    assert_eq!(published.flow_content_sha256.map(|sha| sha.len()), Some(64));
    let found = describe(&cloud, &instance, &saved).await.expect("saved");
    assert_eq!(found.content.as_deref(), Some(second.as_str()));
    assert_eq!(found.status, Some(ContactFlowStatus::Saved));
    let arn = published.arn.expect("an ARN");
    update(&cloud, &instance, &arn, &second).await.expect("published");
    let found = describe(&cloud, &instance, &format!("{arn}:$LATEST")).await.expect("published");
    assert_eq!(found.content.as_deref(), Some(second.as_str()));
}

#[tokio::test]
async fn a_saved_flow_is_not_checked_and_not_published() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let status = Some(ContactFlowStatus::Saved);
    let draft = r#"{"Actions": "later"}"#;
    let id = cloud.flow_as(&instance, "draft", draft, status.clone()).await.expect("saved");
    let found = describe(&cloud, &instance, &id).await.expect_err("not published");
    assert_eq!(
        found,
        format!("404 ContactFlowNotPublishedException: The contact flow {id} is not published")
    );
    let found = describe(&cloud, &instance, &format!("{id}:$SAVED")).await.expect("saved");
    assert_eq!(found.content.as_deref(), Some(draft));
    let request = ListContactFlowsRequest { instance_id: instance.clone(), ..Default::default() };
    let listed = cloud.connect.list_contact_flows(request).await.expect("a list");
    let listed = listed.contact_flow_summary_list.expect("a list");
    assert_eq!(listed[0].contact_flow_status, status);
    expect!["400 InvalidContactFlowException: Invalid Flow (the flow is not a JSON object: expected value at line 1 column 1)"]
        .assert_eq(&told(cloud.flow_as(&instance, "none", "later", status).await));
}

#[tokio::test]
async fn problems_are_told_with_their_actions() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let content = document(json!([
        {"Identifier": "a0", "Type": "MessageParticipant", "Parameters": {"Text": "x"},
         "Transitions": {"NextAction": "nowhere"}},
        {"Identifier": "a1", "Type": "InvokeLambdaFunction", "Parameters": {"InvocationTimeLimitSeconds": 9},
         "Transitions": {"NextAction": "end"}},
    ]));
    expect![[r#"
        400 InvalidContactFlowException: Invalid Action property value. Path: Actions[0].Transitions.NextAction (action "a0": NextAction is "nowhere", and no action has that Identifier)
        Action is missing required error. Error: NoMatchingError, Path: Actions[1] (action "a1": there is no branch for the error NoMatchingError)
        Action is missing required property. Path: Actions[1].Parameters.LambdaFunctionARN (action "a1": InvokeLambdaFunction needs the parameter "LambdaFunctionARN")
        Invalid Action property value. Path: Actions[1].Parameters.InvocationTimeLimitSeconds (action "a1": the parameter "InvocationTimeLimitSeconds" is not a whole number from 1 to 8)"#]]
    .assert_eq(&told(cloud.flow(&instance, "bad", &content).await));
    let legacy = r#"{"modules": [{"id": "a", "type": "Disconnect"}], "start": "a"}"#;
    expect!["400 InvalidContactFlowException: Invalid Flow property name. Path: modules (this is the console's older export format)"]
        .assert_eq(&told(cloud.flow(&instance, "old", legacy).await));
    let id = cloud.flow(&instance, "good", &hello("x")).await.expect("a flow");
    let refused = update(&cloud, &instance, &id, "{}").await.expect_err("an error");
    expect![[r#"
        400 InvalidContactFlowException: Flow is missing required property. Path: Version (the flow has no Version)
        Flow is missing required property. Path: Actions (the flow has no Actions)
        Flow is missing required property. Path: StartAction (the flow has no StartAction)"#]]
    .assert_eq(&refused);
}

#[tokio::test]
async fn names_are_taken_once_in_an_instance() {
    let cloud = cloud();
    let (one, two) = (cloud.instance("one").await, cloud.instance("two").await);
    cloud.flow(&one, "안내", &hello("x")).await.expect("a flow");
    cloud.flow(&two, "안내", &hello("x")).await.expect("a flow of another instance");
    expect!["409 DuplicateResourceException: A contact flow named 안내 already exists"]
        .assert_eq(&told(cloud.flow(&one, "안내", &hello("y")).await));
    let missing = "11111111-2222-3333-4444-555555555555";
    expect!["404 ResourceNotFoundException: Contact flow not found: 11111111-2222-3333-4444-555555555555"]
        .assert_eq(&describe(&cloud, &one, missing).await.expect_err("an error"));
    expect![
        "404 ResourceNotFoundException: Instance not found: 11111111-2222-3333-4444-555555555555"
    ]
    .assert_eq(&told(cloud.flow(missing, "x", &hello("x")).await));
}

#[tokio::test]
async fn flows_are_listed_by_type_and_page() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    for index in 0..3 {
        cloud.flow(&instance, &format!("flow{index}"), &hello("x")).await.expect("a flow");
    }
    let request = |kind: ContactFlowType, token: Option<String>| ListContactFlowsRequest {
        instance_id: instance.clone(),
        contact_flow_types: Some(vec![kind]),
        next_token: token,
        max_results: Some(2),
    };
    let page = cloud.connect.list_contact_flows(request(ContactFlowType::ContactFlow, None)).await;
    let page = page.expect("a page");
    assert_eq!(page.contact_flow_summary_list.map(|list| list.len()), Some(2));
    let rest = request(ContactFlowType::ContactFlow, page.next_token.clone());
    let rest = cloud.connect.list_contact_flows(rest).await.expect("a page");
    assert_eq!((rest.contact_flow_summary_list.map(|l| l.len()), rest.next_token), (Some(1), None));
    // A token belongs to the filters it was given for.
    let other = request(ContactFlowType::AgentHold, page.next_token);
    expect!["400 InvalidParameterException: Invalid NextToken"]
        .assert_eq(&told(cloud.connect.list_contact_flows(other).await));
}

/// The example of the repository is a flow that AWS would take.
#[tokio::test]
async fn the_example_is_accepted() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../examples/flight-desk/flow.json");
    let content = std::fs::read_to_string(path).expect("the example");
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    cloud.flow(&instance, "flight-desk", &content).await.expect("a flow");
}
