//! Calls: what a phone hears, and what is left of it.

use crate::fakes::Behavior;
use crate::support::{Cloud, cloud, document, hello};
use api_connect::*;
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use service_connect::calls::{
    CallError, CallEvent, CallerAct, Calls, KEPT_MS, PATIENCE_MS, StartCall,
};
use std::time::Duration;

const FIND: &str = "arn:aws:lambda:ap-northeast-2:000000000000:function:find";
const CALLER: &str = "+821000001001";

/// A flow that looks the caller up, asks, keeps the answer.
fn desk() -> String {
    let errors = |to: &str, kinds: &[&str]| -> Vec<Value> {
        kinds.iter().map(|kind| json!({"ErrorType": kind, "NextAction": to})).collect()
    };
    let other = &["NoMatchingError"];
    let menu = &["NoMatchingError", "NoMatchingCondition", "InputTimeLimitExceeded"];
    document(json!([
        {"Identifier": "log", "Type": "UpdateFlowLoggingBehavior",
         "Parameters": {"FlowLoggingBehavior": "Enabled"}, "Transitions": {"NextAction": "voice"}},
        {"Identifier": "voice", "Type": "UpdateContactTextToSpeechVoice",
         "Parameters": {"TextToSpeechVoice": "Seoyeon"}, "Transitions": {"NextAction": "find"}},
        {"Identifier": "find", "Type": "InvokeLambdaFunction",
         "Parameters": {"LambdaFunctionARN": FIND, "InvocationTimeLimitSeconds": "3",
            "LambdaInvocationAttributes": {"phone": "$.CustomerEndpoint.Address"}},
         "Transitions": {"NextAction": "ask", "Errors": errors("failed", other)}},
        {"Identifier": "ask", "Type": "GetParticipantInput",
         "Parameters": {"Text": "$.External.name님, $.External.flightNo 편 문의신가요?",
            "StoreInput": "False", "InputTimeLimitSeconds": "5"},
         "Transitions": {"NextAction": "failed", "Errors": errors("failed", menu), "Conditions": [
            {"NextAction": "keep", "Condition": {"Operator": "Equals", "Operands": ["1"]}}]}},
        {"Identifier": "keep", "Type": "UpdateContactAttributes",
         "Parameters": {"Attributes": {"flightNo": "$.External.flightNo", "agent": "$.Attributes.agent"}},
         "Transitions": {"NextAction": "bye", "Errors": errors("failed", other)}},
        {"Identifier": "bye", "Type": "MessageParticipant",
         "Parameters": {"Text": "접수했습니다. $.Attributes.agent"},
         "Transitions": {"NextAction": "end", "Errors": errors("end", other)}},
    ]))
}

/// A cloud with a desk: its instance and number.
async fn with_desk() -> (Cloud, String, String) {
    let cloud = cloud();
    let instance = cloud.instance("flight-desk").await;
    let flow = cloud.flow(&instance, "desk", &desk()).await.expect("a flow");
    let number = cloud.number(&instance, &flow).await;
    cloud.associate(&instance, FIND).await.expect("associated");
    let answer = json!({"name": "비버", "flightNo": "GR412", "seats": 2});
    cloud.functions.set(FIND, Behavior::Answers(answer));
    (cloud, instance, number)
}

fn call(to: &str) -> StartCall {
    StartCall { to: to.to_owned(), from: CALLER.to_owned(), real_time: false, seed: Some(1) }
}

/// A phone that writes down what it hears.
struct Phone<'a> {
    cloud: &'a Cloud,
    call: String,
    heard: u64,
    lines: String,
}

impl Phone<'_> {
    async fn dial<'a>(cloud: &'a Cloud, request: StartCall) -> Phone<'a> {
        let call = cloud.calls.start(&cloud.kernel, request).await.expect("a call").call_id;
        Phone { cloud, call, heard: 0, lines: String::new() }
    }

    /// Listens until the flow wants input or ends.
    async fn listen(&mut self) {
        loop {
            let events = self.cloud.calls.events(&self.cloud.kernel, &self.call, self.heard);
            let events = tokio::time::timeout(Duration::from_secs(20), events).await;
            for numbered in events.expect("something happens").expect("events") {
                assert_eq!(numbered.number, self.heard + 1, "events have no gaps");
                self.heard = numbered.number;
                self.lines.push_str(&line(&numbered.event));
                if matches!(numbered.event, CallEvent::Ended { .. } | CallEvent::WantsInput { .. })
                {
                    return;
                }
            }
        }
    }

    async fn act(&mut self, act: CallerAct) {
        self.lines.push_str(&format!("> {act:?}\n"));
        self.cloud.calls.act(&self.cloud.kernel, &self.call, act).await.expect("a turn");
        self.listen().await;
    }

    async fn press(&mut self, digits: &str) {
        self.act(CallerAct::Press { digits: digits.to_owned() }).await;
    }

    fn check(&mut self, expected: Expect) {
        expected.assert_eq(&self.lines);
        self.lines.clear();
    }
}

fn line(event: &CallEvent) -> String {
    match event {
        CallEvent::Started { flow_name, .. } => format!("started {flow_name}\n"),
        CallEvent::Prompt { text, voice, language, .. } => {
            format!("{voice} {}: {text}\n", language.as_deref().unwrap_or("?"))
        }
        CallEvent::Step { action, result, .. } => {
            format!("  {action} {}\n", result.as_deref().unwrap_or("ok"))
        }
        CallEvent::Lambda { milliseconds, answer, error, asynchronous, .. } => {
            let answer = answer.as_ref().map(Value::to_string);
            let told = answer.or(error.clone()).unwrap_or_default();
            format!("lambda {milliseconds} ms, asynchronous {asynchronous}: {told}\n")
        }
        CallEvent::Pause { milliseconds } => format!("pause {milliseconds} ms\n"),
        CallEvent::Warning { text } => format!("warning: {text}\n"),
        CallEvent::WantsInput { digits_max, time_limit_milliseconds, terminator } => {
            format!("wants {digits_max} in {time_limit_milliseconds} ms, {terminator:?}\n")
        }
        CallEvent::Ended { reason, .. } => format!("ended: {reason}\n"),
    }
}

#[tokio::test]
async fn a_caller_is_asked_about_their_flight() {
    let (cloud, instance, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.check(expect![[r#"
        started desk
          log ok
          voice ok
        lambda 0 ms, asynchronous false: {"name":"비버","flightNo":"GR412","seats":2}
          find ok
        Seoyeon ko-KR: 비버님, GR412 편 문의신가요?
        wants 1 in 5000 ms, None
    "#]]);
    // What programs set meanwhile, the flow sees.
    let update = UpdateContactAttributesRequest {
        instance_id: instance.clone(),
        initial_contact_id: phone.call.clone(),
        attributes: [("agent".to_owned(), "곧 전화드립니다.".to_owned())].into(),
    };
    cloud.connect.update_contact_attributes(update).await.expect("updated");
    phone.press("1").await;
    phone.check(expect![[r#"
        > Press { digits: "1" }
          ask 1
          keep ok
        Seoyeon ko-KR: 접수했습니다. 곧 전화드립니다.
          bye ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
    let attributes = cloud.calls.attributes(&cloud.kernel, &phone.call).expect("attributes");
    let expected = [("agent", "곧 전화드립니다."), ("flightNo", "GR412")];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(attributes, expected.into());
    let events = cloud.functions.events.lock().expect("whole");
    assert_eq!(events[0]["Details"]["Parameters"], json!({"phone": CALLER}));
    assert_eq!(events[0]["Details"]["ContactData"]["ContactId"], json!(phone.call));
}

#[tokio::test]
async fn the_flow_log_is_written() {
    let (cloud, _, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.press("1").await;
    let stream = format!("2026/11/22/09/stream-{}", phone.call);
    let key = ("/aws/connect/flight-desk".to_owned(), stream);
    let lines = loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let streams = cloud.streams.0.lock().expect("whole");
        if let Some(lines) = streams.get(&key).filter(|lines| lines.len() == 7) {
            break lines.clone();
        }
    };
    let text: Vec<String> = lines
        .iter()
        .map(|line| {
            let result = line["Results"].as_str().unwrap_or("-");
            format!("{} {} {result}", line["ContactFlowModuleType"], line["Identifier"])
        })
        .collect();
    expect![[r#"
        "SetLoggingBehavior" "log" -
        "SetVoice" "voice" -
        "InvokeExternalResource" "find" -
        "GetUserInput" "ask" 1
        "SetAttributes" "keep" -
        "PlayPrompt" "bye" -
        "Disconnect" "end" -"#]]
    .assert_eq(&text.join("\n"));
    assert_eq!(lines[2]["ExternalResults"]["flightNo"], "GR412");
    assert_eq!(lines[2]["Parameters"]["FunctionArn"], FIND);
    assert_eq!(lines[2]["Timestamp"], "2026-11-22T09:00:00.000Z");
    assert_eq!(lines[2]["ContactFlowName"], "desk");
}

#[tokio::test]
async fn functions_that_do_not_help() {
    let outcome = |behavior: Option<Behavior>, expected: Expect| async move {
        let (cloud, _, number) = with_desk().await;
        match behavior {
            Some(behavior) => cloud.functions.set(FIND, behavior),
            None => {
                cloud.functions.behaviors.lock().expect("whole").clear();
            }
        }
        let mut phone = Phone::dial(&cloud, call(&number)).await;
        let clock = cloud.clock.clone();
        let moving = async {
            loop {
                tokio::time::sleep(Duration::from_millis(2)).await;
                clock.advance(Duration::from_millis(100));
            }
        };
        tokio::select! {
            () = phone.listen() => {}
            () = moving => {}
        }
        let lambda: Vec<&str> = phone
            .lines
            .lines()
            .filter(|line| line.contains("lambda") || line.contains("find"))
            .collect();
        // How far the clock was moved meanwhile depends on the machine.
        let lambda: Vec<String> = lambda
            .iter()
            .map(|line| match line.split_once(" ms") {
                Some((_, rest)) if line.starts_with("lambda") => format!("lambda{rest}"),
                _ => (*line).to_owned(),
            })
            .collect();
        let lambda: Vec<String> = lambda
            .iter()
            .map(|line| line.split(" after").next().unwrap_or_default().to_owned())
            .map(|line| line.split(" within").next().unwrap_or_default().to_owned())
            .collect();
        expected.assert_eq(&lambda.join("\n"));
    };
    let answer = json!({"name": "x"});
    outcome(
        Some(Behavior::Fails),
        expect![[r#"
        lambda, asynchronous false: The Lambda Function Returned An Error.
          find The Lambda Function Returned An Error."#]],
    )
    .await;
    outcome(
        Some(Behavior::Slow(Duration::from_secs(60), answer.clone())),
        expect![[r#"
        lambda, asynchronous false: no answer
          find The Lambda Function Timed Out"#]],
    )
    .await;
    outcome(
        Some(Behavior::Slow(Duration::from_millis(500), answer.clone())),
        expect![[r#"
        lambda, asynchronous false: {"name":"x"}
          find ok"#]],
    )
    .await;
    outcome(
        Some(Behavior::Throttled(3, answer.clone())),
        expect![[r#"
        lambda, asynchronous false: {"name":"x"}
          find ok"#]],
    )
    .await;
    outcome(
        Some(Behavior::Throttled(4, answer)),
        expect![[r#"
        lambda, asynchronous false: Status Code: 429; Error Code: TooManyRequestsException
          find Status Code: 429; Error Code: TooManyRequestsException"#]],
    )
    .await;
    outcome(
        Some(Behavior::Answers(json!({"deep": {"a": 1}}))),
        expect![[r#"
        lambda, asynchronous false: {"deep":{"a":1}}
          find the answer's "deep" is not a plain value (STRING_MAP)"#]],
    )
    .await;
    outcome(
        Some(Behavior::Answers(json!({"a": "x".repeat(40_000)}))),
        expect![[r#"
        lambda, asynchronous false: the answer has 40008 bytes, over 32768
          find the answer has 40008 bytes, over 32768"#]],
    )
    .await;
    outcome(
        None,
        expect![[r#"
        lambda, asynchronous false: Status Code: 404; Error Code: ResourceNotFoundException
          find Status Code: 404; Error Code: ResourceNotFoundException"#]],
    )
    .await;
}

#[tokio::test]
async fn a_function_must_be_associated() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let flow = cloud.flow(&instance, "desk", &desk()).await.expect("a flow");
    let number = cloud.number(&instance, &flow).await;
    cloud.functions.set(FIND, Behavior::Answers(json!({})));
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.check(expect![[r#"
        started desk
          log ok
          voice ok
        lambda 0 ms, asynchronous false: Status Code: 403; Error Code: AccessDeniedException (the function is not associated with the instance)
          find Status Code: 403; Error Code: AccessDeniedException (the function is not associated with the instance)
        Seoyeon ko-KR: 죄송합니다.
          failed ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
    assert!(cloud.functions.events.lock().expect("whole").is_empty());
}

#[tokio::test]
async fn a_flow_leads_to_another() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let second = cloud.flow(&instance, "second", &hello("두 번째 흐름")).await.expect("a flow");
    let transfer = |id: &str| {
        document(json!([{"Identifier": "go", "Type": "TransferToFlow",
            "Parameters": {"ContactFlowId": id}, "Transitions": {"NextAction": "failed",
                "Errors": [{"ErrorType": "NoMatchingError", "NextAction": "failed"}]}}]))
    };
    let first = cloud.flow(&instance, "first", &transfer(&second)).await.expect("a flow");
    let lost = cloud.flow(&instance, "lost", &transfer("nowhere")).await.expect("a flow");
    let number = cloud.number(&instance, &first).await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.check(expect![[r#"
        started first
          go ok
        Joanna en-US: 두 번째 흐름
          say ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
    let inputs = cloud.calls.inputs(&cloud.kernel, &phone.call).expect("inputs");
    let loaded = inputs.iter().find_map(|input| match input {
        flow::Event::FlowLoaded { content, .. } => Some(content.as_str()),
        _ => None,
    });
    assert_eq!(loaded, Some(hello("두 번째 흐름").as_str()));
    let number = cloud.number(&instance, &lost).await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.check(expect![[r#"
        started lost
          go there is no flow "nowhere" in the instance
        Joanna en-US: 죄송합니다.
          failed ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
}

#[tokio::test]
async fn turns_are_the_callers_own() {
    let (cloud, _, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    let act = |act: CallerAct| cloud.calls.act(&cloud.kernel, &phone.call, act);
    let wrong = act(CallerAct::Press { digits: "1a".to_owned() }).await;
    assert!(matches!(wrong, Err(CallError::InvalidKeys(_))), "{wrong:?}");
    act(CallerAct::HangUp).await.expect("hung up");
    let late = act(CallerAct::Silence).await;
    assert!(matches!(late, Err(CallError::Ended)), "{late:?}");
    let nobody = cloud.calls.act(&cloud.kernel, "nobody", CallerAct::Silence).await;
    assert!(matches!(nobody, Err(CallError::NoCall(_))), "{nobody:?}");
    phone.lines.clear();
    phone.listen().await;
    phone.check(expect![[r#"
        ended: the caller hung up
    "#]]);
}

#[tokio::test]
async fn silence_is_said_or_measured() {
    let (cloud, _, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.lines.clear();
    phone.act(CallerAct::Silence).await;
    phone.check(expect![[r#"
        > Silence
          ask the caller keyed nothing in
        Seoyeon ko-KR: 죄송합니다.
          failed ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
    let mut phone = Phone::dial(&cloud, StartCall { real_time: true, ..call(&number) }).await;
    phone.listen().await;
    phone.lines.clear();
    cloud.clock.advance(Duration::from_secs(6));
    phone.listen().await;
    phone.check(expect![[r#"
          ask the caller keyed nothing in
        Seoyeon ko-KR: 죄송합니다.
          failed ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
}

#[tokio::test]
async fn an_abandoned_call_is_hung_up() {
    let (cloud, _, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.lines.clear();
    cloud.clock.advance(Duration::from_millis(PATIENCE_MS as u64 + 1));
    phone.listen().await;
    phone.check(expect![[r#"
        ended: the caller hung up
    "#]]);
}

#[tokio::test]
async fn a_call_is_forgotten_and_its_contact_kept() {
    let (cloud, instance, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.act(CallerAct::HangUp).await;
    cloud.clock.advance(Duration::from_millis(KEPT_MS as u64 + 1));
    loop {
        match cloud.calls.events(&cloud.kernel, &phone.call, 0).await {
            Err(CallError::NoCall(_)) => break,
            found => assert!(found.is_ok(), "{found:?}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let request = DescribeContactRequest { instance_id: instance, contact_id: phone.call };
    let found = cloud.connect.describe_contact(request).await.expect("it").contact;
    assert_eq!(found.and_then(|c| c.disconnect_reason).as_deref(), Some("CUSTOMER_DISCONNECT"));
}

#[tokio::test]
async fn a_call_ends_with_its_instance() {
    let (cloud, instance, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    phone.lines.clear();
    let delete = DeleteInstanceRequest { instance_id: instance, client_token: None };
    cloud.connect.delete_instance(delete).await.expect("deleted");
    phone.press("1").await;
    phone.check(expect![[r#"
        > Press { digits: "1" }
        ended: the caller hung up
    "#]]);
}

#[tokio::test]
async fn calls_that_cannot_be_placed() {
    let cloud = cloud();
    let instance = cloud.instance("desk").await;
    let start = |to: &str, from: &str| {
        let request =
            StartCall { to: to.to_owned(), from: from.to_owned(), real_time: false, seed: None };
        cloud.calls.start(&cloud.kernel, request)
    };
    let mut told = Vec::new();
    told.push(start("110", CALLER).await.expect_err("no number").to_string());
    told.push(start("+82200000000", "010").await.expect_err("no number").to_string());
    told.push(start("+82200000000", CALLER).await.expect_err("not claimed").to_string());
    let saved = Some(ContactFlowStatus::Saved);
    let flow = cloud.flow_as(&instance, "draft", &hello("x"), saved).await.expect("a flow");
    let number = cloud.number(&instance, &flow).await;
    told.push(start(&number, CALLER).await.expect_err("not published").to_string());
    expect![[r#"
        "110" is no telephone number: write it as +821012345678
        "010" is no telephone number: write it as +821012345678
        nobody claimed the number +82200000000
        the flow "draft" is not published"#]]
    .assert_eq(&told.join("\n"));
}

/// Between two turns a call is in the store alone.
#[tokio::test]
async fn a_call_survives_what_is_in_memory() {
    let (mut cloud, _, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    let (call, heard) = (phone.call, phone.heard);
    cloud.calls = Calls::default();
    let mut phone = Phone { cloud: &cloud, call, heard, lines: String::new() };
    phone.press("1").await;
    phone.check(expect![[r#"
        > Press { digits: "1" }
          ask 1
          keep ok
        Seoyeon ko-KR: 접수했습니다. 
          bye ok
          end ok
        ended: the flow disconnected the contact
    "#]]);
}

/// A turn that was under way when the server stopped is lost, and the call ends.
#[tokio::test]
async fn a_lost_turn_ends_the_call() {
    let (mut cloud, _, number) = with_desk().await;
    cloud.functions.set(FIND, Behavior::Slow(Duration::from_secs(3_600), json!({})));
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    while phone.heard < 3 {
        let events = cloud.calls.events(&cloud.kernel, &phone.call, phone.heard).await;
        phone.heard += events.expect("events").len() as u64;
    }
    let (call, heard) = (phone.call, phone.heard);
    cloud.calls = Calls::default();
    let mut phone = Phone { cloud: &cloud, call, heard, lines: String::new() };
    phone.listen().await;
    phone.check(expect![[r#"
        warning: the server stopped in the middle of this turn
        ended: the caller hung up
    "#]]);
}

/// The first state and the events of a call give the same call again.
#[tokio::test]
async fn a_call_can_be_replayed() {
    let (cloud, instance, number) = with_desk().await;
    let mut phone = Phone::dial(&cloud, call(&number)).await;
    phone.listen().await;
    let update = UpdateContactAttributesRequest {
        instance_id: instance,
        initial_contact_id: phone.call.clone(),
        attributes: [("agent".to_owned(), "안녕히".to_owned())].into(),
    };
    cloud.connect.update_contact_attributes(update).await.expect("updated");
    phone.press("1").await;
    let inputs = cloud.calls.inputs(&cloud.kernel, &phone.call).expect("inputs");
    let contact = flow::Contact::inbound_call(&phone.call, "i", "r", CALLER, &number);
    let flow = flow::load(&desk()).expect("the flow");
    let mut machine = flow::Machine::start(flow.into(), Default::default(), contact, 1);
    let mut prompts = Vec::new();
    for input in inputs {
        for effect in machine.step(input) {
            if let flow::Effect::Speak { prompt, .. } = effect {
                prompts.push(prompt.content);
            }
        }
    }
    assert_eq!(prompts, ["비버님, GR412 편 문의신가요?", "접수했습니다. 안녕히"]);
    assert_eq!(machine.waiting(), flow::Waiting::Ended);
}

/// Events look on the wire as phones expect them.
#[test]
fn events_as_json() {
    let wants =
        CallEvent::WantsInput { digits_max: 1, time_limit_milliseconds: 5_000, terminator: None };
    let numbered = service_connect::calls::NumberedEvent { number: 3, event: wants };
    expect![[r#"{"number":3,"type":"wantsInput","digitsMax":1,"timeLimitMilliseconds":5000,"terminator":null}"#]]
        .assert_eq(&serde_json::to_string(&numbered).expect("JSON"));
    let act: CallerAct =
        serde_json::from_str(r#"{"type": "press", "digits": "1#"}"#).expect("an act");
    assert_eq!(act, CallerAct::Press { digits: "1#".to_owned() });
}
