//! Records of a table's stream that a function does not take in time.

use std::sync::Arc;
use std::time::Duration;

use api_lambda::{CreateEventSourceMappingRequest, EventSourcePosition};

use crate::support::{Cloud, Leaping, function, installed, lines};

/// A table whose stream feeds `listens`, which fails with what is bad.
async fn feed(cloud: &Cloud) -> api_dynamodb::Client {
    use api_dynamodb::{
        AttributeDefinition, BillingMode, CreateTableInput, KeySchemaElement, KeyType,
        ScalarAttributeType, StreamSpecification, StreamViewType,
    };
    let policy = api_iam::PutRolePolicyRequest {
        role_name: "desk-role".into(),
        policy_name: "reads".into(),
        policy_document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}}"#.into(),
    };
    cloud.ctx.client::<api_iam::Client>().put_role_policy(policy).await.expect("a policy");
    let dynamodb = cloud.ctx.client::<api_dynamodb::Client>();
    let key = |name: &str| name.to_owned();
    let table = CreateTableInput {
        table_name: key("desk"),
        attribute_definitions: Some(vec![AttributeDefinition {
            attribute_name: key("id"),
            attribute_type: ScalarAttributeType::S,
        }]),
        key_schema: Some(vec![KeySchemaElement {
            attribute_name: key("id"),
            key_type: KeyType::Hash,
        }]),
        billing_mode: Some(BillingMode::PayPerRequest),
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(StreamViewType::KeysOnly),
        }),
        ..Default::default()
    };
    let made = dynamodb.create_table(table).await.expect("a table").table_description;
    let mapping = CreateEventSourceMappingRequest {
        function_name: "listens".into(),
        event_source_arn: made.expect("a table").latest_stream_arn,
        starting_position: Some(EventSourcePosition::TrimHorizon),
        maximum_record_age_in_seconds: Some(60),
        batch_size: Some(1),
        ..Default::default()
    };
    cloud.lambda().create_event_source_mapping(mapping).await.expect("a mapping");
    dynamodb
}

#[tokio::test]
async fn records_are_given_up_when_they_are_too_old() {
    if !installed("python3.11") {
        return;
    }
    let clock = Leaping::new();
    let cloud = Cloud::at(Arc::new(clock.clone()), |_| {});
    let source = "
def handler(event, context):
    name = event['Records'][0]['dynamodb']['Keys']['id']['S']
    print('got', name)
    assert name != 'bad'
";
    cloud.create(function("listens", "python3.11", "app.handler", &[("app.py", source)])).await;
    let dynamodb = feed(&cloud).await;
    let put = async |name: &str| {
        let item = [("id".to_owned(), api_dynamodb::AttributeValue::S(name.to_owned()))];
        let request = api_dynamodb::PutItemInput {
            table_name: "desk".into(),
            item: item.into(),
            ..Default::default()
        };
        dynamodb.put_item(request).await.expect("it is written");
    };
    let got = async |name: &str| lines(&cloud, "listens", &format!("got {name}")).await;
    put("bad").await;
    // It is tried again and again, and what comes after it waits.
    while got("bad").await < 2 {
        cloud.ctx.sleep(Duration::from_millis(50)).await;
    }
    put("behind").await;
    clock.leap(Duration::from_secs(100));
    put("late").await;
    while got("late").await == 0 {
        cloud.ctx.sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(got("behind").await, 0, "it is too old, too");
    cloud.stop().await;
}
