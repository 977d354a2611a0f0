//! Telephone numbers.

use crate::support::{Cloud, cloud, hello, told};
use api_connect::*;
use expect_test::expect;

async fn search(cloud: &Cloud, instance: &str, country: &str, prefix: Option<&str>) -> Vec<String> {
    let request = SearchAvailablePhoneNumbersRequest {
        target_arn: Some(format!(
            "arn:aws:connect:ap-northeast-2:000000000000:instance/{instance}"
        )),
        phone_number_country_code: country.into(),
        phone_number_type: PhoneNumberType::Did,
        phone_number_prefix: prefix.map(str::to_owned),
        max_results: Some(2),
        ..Default::default()
    };
    let found = cloud.connect.search_available_phone_numbers(request).await.expect("numbers");
    let found = found.available_numbers_list.expect("a list");
    found.into_iter().filter_map(|number| number.phone_number).collect()
}

async fn claim(cloud: &Cloud, instance: &str, number: &str) -> Result<String, String> {
    let request = ClaimPhoneNumberRequest {
        instance_id: Some(instance.to_owned()),
        phone_number: number.to_owned(),
        ..Default::default()
    };
    match cloud.connect.claim_phone_number(request).await {
        Ok(claimed) => Ok(claimed.phone_number_id.expect("an id")),
        fault => Err(told(fault)),
    }
}

async fn listed(cloud: &Cloud, instance: Option<&str>, country: &str) -> Vec<String> {
    let request = ListPhoneNumbersV2Request {
        instance_id: instance.map(str::to_owned),
        phone_number_country_codes: Some(vec![country.into()]),
        ..Default::default()
    };
    let found = cloud.connect.list_phone_numbers_v2(request).await.expect("numbers");
    let found = found.list_phone_numbers_summary_list.expect("a list");
    found.into_iter().filter_map(|number| number.phone_number).collect()
}

#[tokio::test]
async fn numbers_are_searched_claimed_listed_and_given_back() {
    let cloud = cloud();
    let (one, two) = (cloud.instance("one").await, cloud.instance("two").await);
    assert_eq!(search(&cloud, &one, "KR", None).await, ["+82200000000", "+82200000001"]);
    assert_eq!(search(&cloud, &one, "US", Some("+1312")).await, ["+13125550100", "+13125550101"]);
    claim(&cloud, &one, "+82200000000").await.expect("claimed");
    assert_eq!(search(&cloud, &one, "KR", None).await, ["+82200000001", "+82200000002"]);
    let taken = claim(&cloud, &two, "+82200000000").await.expect_err("taken");
    expect!["400 InvalidParameterException: The phone number +82200000000 is not available"]
        .assert_eq(&taken);
    claim(&cloud, &two, "+13125550100").await.expect("claimed");
    assert_eq!(listed(&cloud, Some(&one), "KR").await, ["+82200000000"]);
    assert_eq!(listed(&cloud, Some(&one), "US").await, [""; 0]);
    assert_eq!(listed(&cloud, None, "US").await, ["+13125550100"]);
    let request = DeleteInstanceRequest { instance_id: one, client_token: None };
    cloud.connect.delete_instance(request).await.expect("deleted");
    claim(&cloud, &two, "+82200000000").await.expect("free again");
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let real = claim(&cloud, &instance, "+821012345678").await.expect_err("not ours");
    expect!["400 InvalidParameterException: The phone number +821012345678 is not available"]
        .assert_eq(&real);
    let nowhere =
        ClaimPhoneNumberRequest { phone_number: "+82200000000".to_owned(), ..Default::default() };
    expect!["400 InvalidParameterException: One of TargetArn and InstanceId is required"]
        .assert_eq(&told(cloud.connect.claim_phone_number(nowhere).await));
    let both = ListPhoneNumbersV2Request {
        target_arn: Some("arn:aws:connect:ap-northeast-2:000000000000:instance/x".to_owned()),
        instance_id: Some("x".to_owned()),
        ..Default::default()
    };
    expect!["400 InvalidParameterException: Only one of TargetArn and InstanceId can be specified"]
        .assert_eq(&told(cloud.connect.list_phone_numbers_v2(both).await));
}

#[tokio::test]
async fn a_number_is_answered_by_a_flow_of_its_instance() {
    let cloud = cloud();
    let (one, two) = (cloud.instance("one").await, cloud.instance("two").await);
    let id = claim(&cloud, &one, "+82200000000").await.expect("claimed");
    let flow = cloud.flow(&one, "f", &hello("x")).await.expect("a flow");
    let associate = |instance: &str, number: String, flow: &str| {
        let request = AssociatePhoneNumberContactFlowRequest {
            phone_number_id: number,
            instance_id: instance.to_owned(),
            contact_flow_id: flow.to_owned(),
        };
        cloud.connect.associate_phone_number_contact_flow(request)
    };
    let arn = format!("arn:aws:connect:ap-northeast-2:000000000000:phone-number/{id}");
    associate(&one, arn, &flow).await.expect("associated");
    let elsewhere = told(associate(&two, id.clone(), &flow).await);
    assert_eq!(elsewhere, format!("404 ResourceNotFoundException: Phone number not found: {id}"));
    let missing = told(associate(&one, id, "none").await);
    expect!["404 ResourceNotFoundException: Contact flow not found: none"].assert_eq(&missing);
}
