//! What flows do: events in, effects out.

use crate::support::{
    action, answer, caller, check, check_contact, digits, flow, lambda, machine, say, when,
};
use expect_test::expect;
use flow::{Contact, Effect, Event, FlowReference, Waiting};
use serde_json::{Value, json};

const MENU: &[&str] = &["NoMatchingCondition", "InputTimeLimitExceeded", "NoMatchingError"];

fn menu(next: &str) -> Value {
    let parameters = json!({"Text": "1번 또는 2번", "StoreInput": "False",
        "InputTimeLimitSeconds": "5"});
    when(
        action("menu", "GetParticipantInput", parameters, next, MENU),
        &[("1", "one"), ("2", "end")],
    )
}

#[test]
fn a_korean_caller_is_asked_about_their_flight() {
    let voice = json!({"TextToSpeechVoice": "Seoyeon", "TextToSpeechEngine": "Neural"});
    check(
        vec![
            action("voice", "UpdateContactTextToSpeechVoice", voice, "find", &[]),
            lambda(
                "find",
                "keep",
                json!({"LambdaInvocationAttributes": {"from": "$.CustomerEndpoint.Address"}}),
            ),
            action(
                "keep",
                "UpdateContactAttributes",
                json!({"Attributes": {"flight no": "$.External.flightNo"}}),
                "ask",
                &["NoMatchingError"],
            ),
            say("ask", "$.External.name님, $.Attributes['flight no'] 편 문의신가요?", "menu"),
            menu("end"),
            say("one", "확인했습니다. $.Channel. $5", "end"),
        ],
        vec![
            answer(json!({"name": "비버", "flightNo": "KE123", "seats": 2})),
            Event::SpeechDone,
            digits("1"),
            Event::SpeechDone,
        ],
        expect![[r#"
              SetVoice voice: ok
            invoke arn:fn within 8000 ms, StringMap, async false, {"from":"+821012345678"}
              InvokeExternalResource find: ok
            attributes flight no=KE123
              SetAttributes keep: ok
            speak Text Seoyeon/ko-KR: 비버님, KE123 편 문의신가요?
              PlayPrompt ask: ok
            speak Text Seoyeon/ko-KR: 1번 또는 2번
            collect 1 in 5000+5000 ms, end None, cancel false
              GetUserInput menu: 1
            speak Text Seoyeon/ko-KR: 확인했습니다. VOICE. $5
              PlayPrompt one: ok
              Disconnect end: ok
            ended: the flow disconnected the contact
        "#]],
    );
}

#[test]
fn a_menu_has_four_ways_out() {
    let actions = || vec![menu("end"), say("one", "one", "end")];
    check(
        actions(),
        vec![digits("2")],
        expect![[r#"
        speak Text Joanna/en-US: 1번 또는 2번
        collect 1 in 5000+5000 ms, end None, cancel false
          GetUserInput menu: 2
          Disconnect end: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        actions(),
        vec![digits("9")],
        expect![[r#"
        speak Text Joanna/en-US: 1번 또는 2번
        collect 1 in 5000+5000 ms, end None, cancel false
          GetUserInput menu: 9
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        actions(),
        vec![digits("한글")],
        expect![[r#"
        speak Text Joanna/en-US: 1번 또는 2번
        collect 1 in 5000+5000 ms, end None, cancel false
          GetUserInput menu: 
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        actions(),
        vec![Event::InputTimeout],
        expect![[r#"
        speak Text Joanna/en-US: 1번 또는 2번
        collect 1 in 5000+5000 ms, end None, cancel false
          GetUserInput menu: the caller keyed nothing in
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        actions(),
        vec![Event::SpeechDone, Event::TimerFired, Event::CustomerHungUp],
        expect![[r#"
            speak Text Joanna/en-US: 1번 또는 2번
            collect 1 in 5000+5000 ms, end None, cancel false
            ended: the caller hung up
        "#]],
    );
}

#[test]
fn input_is_stored() {
    let store = |validation: Value, more: &[&str]| {
        let parameters = json!({"Text": "번호", "StoreInput": "True", "InputTimeLimitSeconds": 7,
            "InputValidation": validation});
        let mut errors = vec!["NoMatchingError"];
        errors.extend(more);
        vec![
            action("in", "GetParticipantInput", parameters, "out", &errors),
            say("out", "[$.StoredCustomerInput]", "end"),
        ]
    };
    let custom = || store(json!({"CustomValidation": {"MaximumLength": "6"}}), &[]);
    check(
        custom(),
        vec![digits("12*3456#")],
        expect![[r##"
            speak Text Joanna/en-US: 번호
            collect 6 in 7000+5000 ms, end Some("#"), cancel true
              StoreUserInput in: ok
            speak Text Joanna/en-US: [3456]
        "##]],
    );
    check(
        custom(),
        vec![Event::InputTimeout],
        expect![[r##"
            speak Text Joanna/en-US: 번호
            collect 6 in 7000+5000 ms, end Some("#"), cancel true
              StoreUserInput in: ok
            speak Text Joanna/en-US: [Timeout]
        "##]],
    );
    let phone = || {
        let local = json!({"NumberFormat": "Local", "CountryCode": "KR"});
        store(json!({"PhoneNumberValidation": local}), &["InvalidPhoneNumber"])
    };
    check(
        phone(),
        vec![digits("01099998888#")],
        expect![[r##"
            speak Text Joanna/en-US: 번호
            collect 20 in 7000+5000 ms, end Some("#"), cancel true
              StoreUserInput in: ok
            speak Text Joanna/en-US: [+821099998888]
        "##]],
    );
    check(
        phone(),
        vec![digits("12#")],
        expect![[r##"
            speak Text Joanna/en-US: 번호
            collect 20 in 7000+5000 ms, end Some("#"), cancel true
              StoreUserInput in: that is no telephone number
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "##]],
    );
    let encrypted = json!({"StoreInput": "True", "InputTimeLimitSeconds": 7,
        "InputValidation": {"CustomValidation": {"MaximumLength": "6"}},
        "InputEncryption": {"EncryptionKeyId": "k", "Key": "pem"}});
    let state = check(
        vec![action("in", "GetParticipantInput", encrypted, "end", &["NoMatchingError"])],
        vec![digits("1234#")],
        expect![[r#"
            warning in: encrypting the input is not supported yet; taking NoMatchingError
              StoreUserInput in: InputEncryption is not supported yet
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
    assert_eq!(state.stored_input, None, "what must be encrypted was stored plainly");
}

#[test]
fn comparisons() {
    let compare = |operator: &str, operand: &str| {
        let mut compare = action(
            "if",
            "Compare",
            json!({"ComparisonValue": "$.Attributes.value"}),
            "end",
            &["NoMatchingCondition"],
        );
        compare["Transitions"]["Conditions"] = json!([{"NextAction": "end",
            "Condition": {"Operator": operator, "Operands": [operand]}}]);
        compare
    };
    for (value, operator, operand, holds) in [
        (Some("KE123"), "Equals", "KE123", true),
        (Some("KE123"), "Equals", "ke123", false),
        (Some("KE123"), "Equals", "$.Attributes.value", true),
        (Some("KE123"), "TextStartsWith", "KE", true),
        (Some("KE123"), "TextEndsWith", "23", true),
        (Some("KE123"), "TextContains", "E1", true),
        (Some("KE123"), "TextContains", "X", false),
        (Some("10"), "NumberGreaterThan", "9", true),
        (Some("9"), "NumberGreaterOrEqualTo", "9.0", true),
        (Some("-1"), "NumberLessThan", "0", true),
        (Some("1e1"), "NumberLessOrEqualTo", "10", true),
        (Some("ten"), "NumberGreaterThan", "9", false),
        (Some("NaN"), "NumberLessThan", "9", false),
        (None, "Equals", "x", false),
        (None, "TextStartsWith", "$.Attributes.none", false),
    ] {
        let mut contact = caller();
        contact.attributes =
            value.map(|v| ("value".to_owned(), v.to_owned())).into_iter().collect();
        let mut machine = machine(&flow(vec![compare(operator, operand)]), contact, 7);
        machine.step(Event::Started);
        let end = machine.state().action.as_deref();
        assert_eq!(end == Some("end"), holds, "{value:?} {operator} {operand}");
    }
}

#[test]
fn attributes_have_a_limit() {
    let set = |id: &str, value: &str, next: &str| {
        let parameters = json!({"Attributes": {"k": value}, "TargetContact": "Current"});
        action(id, "UpdateContactAttributes", parameters, next, &["NoMatchingError"])
    };
    let state = check(
        vec![set("a", &"x".repeat(32_767), "end")],
        vec![],
        expect![[r#"
        attributes k=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          SetAttributes a: ok
          Disconnect end: ok
        ended: the flow disconnected the contact
    "#]],
    );
    assert_eq!(state.attributes["k"].len(), 32_767);
    let state = check(
        vec![set("a", &"x".repeat(32_768), "end")],
        vec![],
        expect![[r#"
          SetAttributes a: the attributes have 32769 bytes, more than 32768
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    assert!(state.attributes.is_empty());
    let related = json!({"Attributes": {"k": "v"}, "TargetContact": "Related"});
    check(
        vec![action("a", "UpdateContactAttributes", related, "end", &["NoMatchingError"])],
        vec![],
        expect![[r#"
            warning a: contacts have no related contact yet; taking the NoMatchingError branch
              SetAttributes a: the contact has no related contact
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
}

#[test]
fn loops_distribution_and_flow_attributes() {
    let around = when(
        action("loop", "Loop", json!({"LoopCount": "$.FlowAttributes.rounds"}), "end", &[]),
        &[("ContinueLooping", "say"), ("DoneLooping", "again")],
    );
    let mut split =
        action("again", "DistributeByPercentage", json!({}), "end", &["NoMatchingCondition"]);
    split["Transitions"]["Conditions"] = json!([
        {"NextAction": "loop", "Condition": {"Operator": "NumberLessThan", "Operands": ["51"]}},
        {"NextAction": "end", "Condition": {"Operator": "NumberLessThan", "Operands": ["101"]}}]);
    let rounds = json!({"FlowAttributes": {"rounds": {"Value": "2"}, "plain": "x"}});
    check(
        vec![
            action("set", "UpdateFlowAttributes", rounds, "loop", &[]),
            around,
            say("say", "$.FlowAttributes.plain", "loop"),
            split,
        ],
        vec![Event::SpeechDone; 6],
        expect![[r#"
              SetFlowAttributes set: ok
              Loop loop: ContinueLooping
            speak Text Joanna/en-US: x
              PlayPrompt say: ok
              Loop loop: ContinueLooping
            speak Text Joanna/en-US: x
              PlayPrompt say: ok
              Loop loop: DoneLooping
              Distribute again: 88
              Disconnect end: ok
            ended: the flow disconnected the contact
        "#]],
    );
}

#[test]
fn hours_waits_and_transfers() {
    let hours = || {
        vec![
            when(
                action("h", "CheckHoursOfOperation", json!({}), "failed", &["NoMatchingError"]),
                &[("True", "end"), ("False", "shut")],
            ),
            say("shut", "영업시간이 아닙니다", "end"),
        ]
    };
    check(
        hours(),
        vec![Event::HoursResult { open: Some(false) }],
        expect![[r#"
        hours None
          CheckHoursOfOperation h: False
        speak Text Joanna/en-US: 영업시간이 아닙니다
    "#]],
    );
    check(
        hours(),
        vec![Event::HoursResult { open: None }],
        expect![[r#"
        hours None
          CheckHoursOfOperation h: the hours of operation are not known
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    let wait = || {
        let parameters = json!({"TimeLimitSeconds": "900", "Events": ["CustomerReturned"]});
        vec![
            when(
                action("w", "Wait", parameters, "failed", &["NoMatchingError"]),
                &[("WaitCompleted", "end"), ("CustomerReturned", "back")],
            ),
            say("back", "다시 오셨군요", "end"),
        ]
    };
    check(
        wait(),
        vec![],
        expect![[r#"
        warning w: a call does not wait; taking the NoMatchingError branch
          Wait w: Wait is not supported on the voice channel
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    let chat = || Contact { channel: "CHAT".to_owned(), ..caller() };
    check_contact(
        chat(),
        wait(),
        vec![Event::TimerFired],
        expect![[r#"
        timer 900000 ms
          Wait w: WaitCompleted
          Disconnect end: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check_contact(
        chat(),
        wait(),
        vec![Event::CustomerReturned],
        expect![[r#"
        timer 900000 ms
          Wait w: CustomerReturned
        speak Text Joanna/en-US: 다시 오셨군요
    "#]],
    );
    let transfer = || {
        let parameters = json!({"ContactFlowId": "arn:flow/$.Attributes.none"});
        vec![action("t", "TransferToFlow", parameters, "end", &["NoMatchingError"])]
    };
    let loaded = |content: String| Event::FlowLoaded {
        reference: FlowReference { id: "second".to_owned(), name: "Second".to_owned() },
        content,
    };
    check(
        transfer(),
        vec![loaded(flow(vec![say("hi", "second", "end")]))],
        expect![[r#"
        transfer arn:flow/
          Transfer t: ok
        speak Text Joanna/en-US: second
    "#]],
    );
    check(
        transfer(),
        vec![loaded("{}".to_owned())],
        expect![[r#"
            transfer arn:flow/
              Transfer t: the flow is invalid: the flow has no Version (Flow is missing required property. Path: Version); 2 more problems
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
    check(
        transfer(),
        vec![Event::FlowMissing { message: "gone".to_owned() }],
        expect![[r#"
        transfer arn:flow/
          Transfer t: gone
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
}

#[test]
fn what_is_not_supported_says_so() {
    let view = |errors| vec![action("v", "ShowView", json!({}), "end", errors)];
    check(
        view(&["TimeLimitExceeded", "NoMatchingError"]),
        vec![],
        expect![[r#"
        warning v: ShowView is not supported yet; taking its NoMatchingError branch
          ShowView v: ShowView is not supported yet
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        view(&["TimeLimitExceeded"]),
        vec![],
        expect![[r#"
        warning v: ShowView is not supported yet; taking its TimeLimitExceeded branch
          ShowView v: ShowView is not supported yet
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    check(
        view(&[]),
        vec![],
        expect![[r#"
        warning v: ShowView is not supported yet and has no error branch; ending
          ShowView v: ShowView is not supported yet
        ended: action "v" (ShowView) failed: ShowView is not supported yet; it has no branch for NoMatchingError
    "#]],
    );
    let voice = json!({"TextToSpeechVoice": "$.External.voice"});
    check(
        vec![action("s", "UpdateContactTextToSpeechVoice", voice, "end", &[])],
        vec![],
        expect![[r#"
              SetVoice s: there is no voice ""
            ended: action "s" (UpdateContactTextToSpeechVoice) failed: there is no voice ""; it has no branch for NoMatchingError
        "#]],
    );
}

#[test]
fn logging_is_recorded_while_it_is_on() {
    let logging = |id: &str, on: &str, next: &str| {
        action(id, "UpdateFlowLoggingBehavior", json!({"FlowLoggingBehavior": on}), next, &[])
    };
    let text = flow(vec![
        say("before", "a", "on"),
        logging("on", "Enabled", "during"),
        say("during", "$.Channel", "off"),
        logging("off", "Disabled", "end"),
    ]);
    let mut machine = machine(&text, caller(), 7);
    let mut recorded = Vec::new();
    for event in [Event::Started, Event::SpeechDone, Event::SpeechDone] {
        for effect in machine.step(event) {
            if let Effect::Log { entry } = effect
                && entry.recorded
            {
                recorded.push(serde_json::to_string(&entry).expect("JSON"));
            }
        }
    }
    expect![[r#"
        {"flow":"flow","flow_name":"Test","identifier":"on","action_type":"UpdateFlowLoggingBehavior","module_type":"SetLoggingBehavior","parameters":{"LoggingBehavior":"Enable"},"result":null,"external":null,"recorded":true}
        {"flow":"flow","flow_name":"Test","identifier":"during","action_type":"MessageParticipant","module_type":"PlayPrompt","parameters":{"Text":"VOICE","TextToSpeechType":"text","Voice":"Joanna"},"result":null,"external":null,"recorded":true}
    "#]].assert_eq(&(recorded.join("\n") + "\n"));
}

#[test]
fn endless_loops_end() {
    let text = flow(vec![say("a", "again", "a")]);
    let mut machine = machine(&text, caller(), 7);
    let mut effects = machine.step(Event::Started);
    let mut prompts = 0;
    while machine.waiting() == Waiting::Speech {
        prompts += 1;
        effects = machine.step(Event::SpeechDone);
    }
    assert_eq!(prompts, flow::limits::ACTIONS_PER_TURN_MAX);
    expect![[r#"
        Ended {
            reason: ActionLimit {
                actions: 2000,
                action: "a",
            },
        }
    "#]]
    .assert_debug_eq(effects.last().expect("an end"));
}

#[test]
fn references_do_not_grow_without_bound() {
    let mut contact = caller();
    contact.attributes.insert("k".to_owned(), "x".repeat(30_000));
    check_contact(
        contact,
        vec![say("a", &"$.Attributes.k".repeat(1_000), "end")],
        vec![],
        expect![[r#"
              PlayPrompt a: a parameter grew beyond 65536 bytes
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
}
