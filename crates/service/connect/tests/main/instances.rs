//! Instances and the functions associated with them.

use crate::support::{Cloud, cloud, told};
use api_connect::*;
use expect_test::expect;

async fn create(cloud: &Cloud, request: CreateInstanceRequest) -> String {
    told(cloud.connect.create_instance(request).await)
}

fn request(alias: &str) -> CreateInstanceRequest {
    CreateInstanceRequest {
        identity_management_type: DirectoryType::ConnectManaged,
        instance_alias: Some(alias.to_owned()),
        inbound_calls_enabled: true,
        outbound_calls_enabled: false,
        ..Default::default()
    }
}

#[tokio::test]
async fn life_of_an_instance() {
    let cloud = cloud();
    let id = cloud.instance("flight-desk").await;
    let arn = format!("arn:aws:connect:ap-northeast-2:000000000000:instance/{id}");
    for given in [id.clone(), arn.clone()] {
        let request = DescribeInstanceRequest { instance_id: given };
        let found = cloud.connect.describe_instance(request).await.expect("it").instance;
        let found = found.expect("an instance");
        assert_eq!(found.arn.as_deref(), Some(arn.as_str()));
        assert_eq!(found.instance_status, Some(InstanceStatus::Active));
        assert_eq!(found.instance_alias.as_deref(), Some("flight-desk"));
        let url = found.instance_access_url.expect("its address");
        assert_eq!(url, "https://flight-desk.my.connect.aws");
        assert_eq!(found.created_time.map(|time| time.epoch_ms), Some(1_795_338_000_000));
    }
    let delete = || DeleteInstanceRequest { instance_id: id.clone(), client_token: None };
    cloud.connect.delete_instance(delete()).await.expect("deleted");
    let gone = told(cloud.connect.delete_instance(delete()).await);
    assert_eq!(gone, format!("404 ResourceNotFoundException: Instance not found: {id}"));
    // The alias is free again.
    cloud.instance("flight-desk").await;
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = cloud();
    cloud.instance("Desk").await;
    expect!["400 InvalidRequestException: Invalid Input. Instance alias is already used."]
        .assert_eq(&create(&cloud, request("desk")).await);
    for alias in ["d-desk", "-desk", "desk-", "de sk", "책상", ""] {
        let found = create(&cloud, request(alias)).await;
        let expected =
            format!("400 InvalidRequestException: Invalid Input. Invalid InstanceAlias: {alias}");
        assert_eq!(found, expected);
    }
    let directory = CreateInstanceRequest {
        identity_management_type: DirectoryType::ExistingDirectory,
        ..request("other")
    };
    expect!["400 InvalidRequestException: Invalid Input. DirectoryId is required for EXISTING_DIRECTORY."]
        .assert_eq(&create(&cloud, directory).await);
    let tags = Some([("aws:x".to_owned(), "y".to_owned())].into());
    expect!["400 InvalidRequestException: Invalid tag key: aws:x"]
        .assert_eq(&create(&cloud, CreateInstanceRequest { tags, ..request("tagged") }).await);
    let elsewhere = "arn:aws:connect:us-east-1:000000000000:instance/11111111-2222";
    let describe = DescribeInstanceRequest { instance_id: elsewhere.to_owned() };
    expect!["404 ResourceNotFoundException: Instance not found: arn:aws:connect:us-east-1:000000000000:instance/11111111-2222"]
        .assert_eq(&told(cloud.connect.describe_instance(describe).await));
}

#[tokio::test]
async fn a_client_token_makes_one_instance() {
    let cloud = cloud();
    let with_token = |alias: &str| CreateInstanceRequest {
        client_token: Some("token".to_owned()),
        ..request(alias)
    };
    let first = cloud.connect.create_instance(with_token("desk")).await.expect("it").id;
    let again = cloud.connect.create_instance(with_token("desk")).await.expect("it").id;
    assert_eq!(first, again);
    expect!["400 InvalidRequestException: The client token was used with other parameters"]
        .assert_eq(&create(&cloud, with_token("other")).await);
}

#[tokio::test]
async fn lists_come_in_pages_with_tokens_of_their_own() {
    let cloud = cloud();
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(cloud.instance(&format!("desk{index}")).await);
    }
    ids.sort();
    let (mut found, mut token) = (Vec::new(), None);
    loop {
        let request = ListInstancesRequest { next_token: token, max_results: Some(2) };
        let page = cloud.connect.list_instances(request).await.expect("a page");
        let page_ids = page.instance_summary_list.expect("a list").into_iter().map(|i| i.id);
        found.extend(page_ids.map(|id| id.expect("an id")));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(found, ids);
    let request = ListInstancesRequest { next_token: None, max_results: Some(1) };
    let token = cloud.connect.list_instances(request).await.expect("a page").next_token;
    let of_another_list = ListContactFlowsRequest {
        instance_id: ids[0].clone(),
        next_token: token,
        ..Default::default()
    };
    expect!["400 InvalidParameterException: Invalid NextToken"]
        .assert_eq(&told(cloud.connect.list_contact_flows(of_another_list).await));
    let forged = ListInstancesRequest { next_token: Some("AAAA".to_owned()), max_results: None };
    expect!["400 InvalidParameterException: Invalid NextToken"]
        .assert_eq(&told(cloud.connect.list_instances(forged).await));
}

#[tokio::test]
async fn functions_are_associated_once() {
    let cloud = cloud();
    let id = cloud.instance("desk").await;
    let arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:find";
    cloud.associate(&id, arn).await.expect("associated");
    expect!["409 ResourceConflictException: The Lambda function is already associated"]
        .assert_eq(&told(cloud.associate(&id, arn).await));
    expect!["400 InvalidRequestException: Invalid Lambda function ARN: find"]
        .assert_eq(&told(cloud.associate(&id, "find").await));
    let request = ListLambdaFunctionsRequest { instance_id: id, ..Default::default() };
    let found = cloud.connect.list_lambda_functions(request).await.expect("a list");
    assert_eq!(found.lambda_functions, Some(vec![arn.to_owned()]));
}
