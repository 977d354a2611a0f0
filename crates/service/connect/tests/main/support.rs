//! A cloud with Connect in it, and shorthand for its operations.

use crate::fakes::{self, Functions, Streams};
use api_connect::*;
use kernel::{Config, Ctx, Fault, Kernel, ManualClock, Principal, SeededRandom};
use serde_json::{Value, json};
use service_connect::calls::Calls;
use std::sync::Arc;

pub const REGION: &str = "ap-northeast-2";
pub const ACCOUNT: &str = "000000000000";

pub struct Cloud {
    pub kernel: Kernel,
    pub calls: Calls,
    pub clock: Arc<ManualClock>,
    pub functions: Arc<Functions>,
    pub streams: Arc<Streams>,
    pub connect: Client,
}

/// A cloud whose clock stands at 2026-11-22T09:00:00Z and whose ids are always the same.
pub fn cloud() -> Cloud {
    let clock = Arc::new(ManualClock::at(1_795_338_000_000));
    let config =
        Config { clock: clock.clone(), random: Arc::new(SeededRandom::new(7)), ..Config::memory() };
    let kernel = Kernel::new(config);
    let (functions, streams) = (Arc::default(), Arc::default());
    let calls = Calls::default();
    kernel.start(vec![
        service_connect::service(&calls),
        fakes::lambda(&functions),
        fakes::logs(&streams),
    ]);
    let ctx = Ctx::new(
        &kernel,
        REGION,
        Principal::Root { account: ACCOUNT.to_owned() },
        "request".to_owned(),
    );
    let connect = ctx.client();
    Cloud { kernel, calls, clock, functions, streams, connect }
}

impl Cloud {
    /// A new instance: its id.
    pub async fn instance(&self, alias: &str) -> String {
        let request = CreateInstanceRequest {
            identity_management_type: DirectoryType::ConnectManaged,
            instance_alias: Some(alias.to_owned()),
            inbound_calls_enabled: true,
            ..Default::default()
        };
        self.connect.create_instance(request).await.expect("an instance").id.expect("its id")
    }

    pub async fn flow(&self, instance: &str, name: &str, content: &str) -> Result<String, Fault> {
        self.flow_as(instance, name, content, None).await
    }

    pub async fn flow_as(
        &self,
        instance: &str,
        name: &str,
        content: &str,
        status: Option<ContactFlowStatus>,
    ) -> Result<String, Fault> {
        let request = CreateContactFlowRequest {
            instance_id: instance.to_owned(),
            name: name.to_owned(),
            r#type: ContactFlowType::ContactFlow,
            content: content.to_owned(),
            status,
            ..Default::default()
        };
        Ok(self.connect.create_contact_flow(request).await?.contact_flow_id.expect("its id"))
    }

    /// Claims the first free Korean number for `flow`: the number.
    pub async fn number(&self, instance: &str, flow: &str) -> String {
        let request = SearchAvailablePhoneNumbersRequest {
            instance_id: Some(instance.to_owned()),
            phone_number_country_code: "KR".into(),
            phone_number_type: PhoneNumberType::Did,
            max_results: Some(1),
            ..Default::default()
        };
        let found = self.connect.search_available_phone_numbers(request).await.expect("numbers");
        let number = found.available_numbers_list.expect("a list")[0].phone_number.clone();
        let request = ClaimPhoneNumberRequest {
            instance_id: Some(instance.to_owned()),
            phone_number: number.clone().expect("a number"),
            ..Default::default()
        };
        let claimed = self.connect.claim_phone_number(request).await.expect("a claim");
        let request = AssociatePhoneNumberContactFlowRequest {
            phone_number_id: claimed.phone_number_id.expect("its id"),
            instance_id: instance.to_owned(),
            contact_flow_id: flow.to_owned(),
        };
        self.connect.associate_phone_number_contact_flow(request).await.expect("an association");
        number.expect("a number")
    }

    pub async fn associate(&self, instance: &str, arn: &str) -> Result<(), Fault> {
        let request = AssociateLambdaFunctionRequest {
            instance_id: instance.to_owned(),
            function_arn: arn.to_owned(),
            client_token: None,
        };
        self.connect.associate_lambda_function(request).await.map(drop)
    }
}

/// `code: message` of an error, with the problems of a flow.
pub fn told<T>(result: Result<T, Fault>) -> String {
    let fault = result.err().expect("an error");
    let detail = fault.detail.and_then(|detail| detail.downcast::<InvalidContactFlowException>());
    let problems = detail.and_then(|detail| detail.problems).unwrap_or_default();
    let problems: Vec<String> = problems.into_iter().filter_map(|p| p.message).collect();
    format!("{} {}: {}{}", fault.status, fault.code, fault.message, problems.join("\n"))
}

/// A flow that says something and disconnects.
pub fn hello(text: &str) -> String {
    document(json!([
        {"Identifier": "say", "Type": "MessageParticipant", "Parameters": {"Text": text},
         "Transitions": {"NextAction": "end", "Errors": [
            {"ErrorType": "NoMatchingError", "NextAction": "end"}]}},
    ]))
}

/// A flow of `actions` and the two ends `end` and `failed`, of which `failed` says so.
pub fn document(mut actions: Value) -> String {
    let start = actions[0]["Identifier"].clone();
    actions.as_array_mut().expect("a list").extend([
        json!({"Identifier": "failed", "Type": "MessageParticipant",
            "Parameters": {"Text": "죄송합니다."}, "Transitions": {"NextAction": "end"}}),
        json!({"Identifier": "end", "Type": "DisconnectParticipant", "Parameters": {},
            "Transitions": {}}),
    ]);
    json!({"Version": "2019-10-30", "StartAction": start, "Metadata": {}, "Actions": actions})
        .to_string()
}
