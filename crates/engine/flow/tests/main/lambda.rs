//! Invoking Lambda functions: events, answers, time limits.

use crate::support::{answer, caller, check, flow, lambda, machine, say};
use expect_test::{Expect, expect};
use flow::{Effect, Event};
use serde_json::json;

#[test]
fn lambda_answers() {
    let run = |kind: &str, event: Event, expected: Expect| {
        check(
            vec![
                lambda("fn", "out", json!({"ResponseValidation": {"ResponseType": kind}})),
                say("out", "$.External.a.b/$.External.a/$.External.none", "end"),
            ],
            vec![event],
            expected,
        );
    };
    run(
        "STRING_MAP",
        answer(json!({"a": true, "b": null})),
        expect![[r#"
        invoke arn:fn within 8000 ms, StringMap, async false, {}
          InvokeExternalResource fn: ok
        speak Text Joanna/en-US: /true/
    "#]],
    );
    run(
        "STRING_MAP",
        answer(json!({"a": {"b": 1}})),
        expect![[r#"
        invoke arn:fn within 8000 ms, StringMap, async false, {}
          InvokeExternalResource fn: the answer's "a" is not a plain value (STRING_MAP)
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    run(
        "STRING_MAP",
        answer(json!(["a"])),
        expect![[r#"
        invoke arn:fn within 8000 ms, StringMap, async false, {}
          InvokeExternalResource fn: the answer is not an object of plain values (STRING_MAP)
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    run(
        "JSON",
        answer(json!({"a": {"b": 1}})),
        expect![[r#"
        invoke arn:fn within 8000 ms, Json, async false, {}
          InvokeExternalResource fn: ok
        speak Text Joanna/en-US: 1/{"b":1}/
    "#]],
    );
    run(
        "JSON",
        Event::LambdaResult { payload: "{".to_owned(), elapsed_ms: 1 },
        expect![[r#"
        invoke arn:fn within 8000 ms, Json, async false, {}
          InvokeExternalResource fn: the answer is not JSON: EOF while parsing an object at line 1 column 1
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    run(
        "JSON",
        answer(json!({"a": "x".repeat(32_768)})),
        expect![[r#"
        invoke arn:fn within 8000 ms, Json, async false, {}
          InvokeExternalResource fn: the answer has 32776 bytes, over 32768
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
    run(
        "JSON",
        Event::LambdaError {
            message: "The Lambda Function Returned An Error.".to_owned(),
            elapsed_ms: 1,
        },
        expect![[r#"
            invoke arn:fn within 8000 ms, Json, async false, {}
              InvokeExternalResource fn: The Lambda Function Returned An Error.
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
    run(
        "JSON",
        Event::LambdaTimeout { elapsed_ms: 8_000 },
        expect![[r#"
        invoke arn:fn within 8000 ms, Json, async false, {}
          InvokeExternalResource fn: The Lambda Function Timed Out after 8000 ms.
          Disconnect failed: ok
        ended: the flow disconnected the contact
    "#]],
    );
}

#[test]
fn lambda_calls_in_a_row_have_twenty_seconds() {
    let slow = || Event::LambdaResult { payload: "{}".to_owned(), elapsed_ms: 7_900 };
    check(
        vec![
            lambda("a", "b", json!({})),
            lambda("b", "c", json!({})),
            lambda("c", "d", json!({"InvocationType": "SYNCHRONOUS"})),
            lambda("d", "end", json!({})),
        ],
        vec![slow(), slow(), slow()],
        expect![[r#"
            invoke arn:fn within 8000 ms, StringMap, async false, {}
              InvokeExternalResource a: ok
            invoke arn:fn within 8000 ms, StringMap, async false, {}
              InvokeExternalResource b: ok
            invoke arn:fn within 4200 ms, StringMap, async false, {}
              InvokeExternalResource c: ok
              InvokeExternalResource d: Lambda calls took 20000 ms without a prompt
              Disconnect failed: ok
            ended: the flow disconnected the contact
        "#]],
    );
    check(
        vec![
            lambda(
                "a",
                "b",
                json!({"InvocationType": "ASYNCHRONOUS", "InvocationTimeLimitSeconds": 60}),
            ),
            say("b", "still here", "end"),
        ],
        vec![],
        expect![[r#"
            invoke arn:fn within 60000 ms, StringMap, async true, {}
              InvokeExternalResource a: ok
            speak Text Joanna/en-US: still here
        "#]],
    );
}

#[test]
fn the_lambda_event_is_the_one_of_connect() {
    let mut contact = caller();
    contact.attributes.insert("contactName".to_owned(), "비버".to_owned());
    let parameters = json!({"LambdaInvocationAttributes": {
        "nickname": "$.Attributes.contactName", "none": "$.External.none", "n": 5,
        "$.Channel": {"deep": ["$.CustomerEndpoint.Address"]}}});
    let mut machine = machine(&flow(vec![lambda("fn", "end", parameters)]), contact, 7);
    let effects = machine.step(Event::Started);
    let [Effect::InvokeLambda { event, .. }] = &effects[..] else { panic!("{effects:?}") };
    let text = serde_json::to_string_pretty(event).expect("JSON");
    expect![[r#"
        {
          "Name": "ContactFlowEvent",
          "Details": {
            "ContactData": {
              "Attributes": {
                "contactName": "비버"
              },
              "AwsRegion": "ap-northeast-2",
              "Channel": "VOICE",
              "ContactId": "11111111-2222-3333-4444-555555555555",
              "CustomerEndpoint": {
                "Address": "+821012345678",
                "Type": "TELEPHONE_NUMBER"
              },
              "CustomerId": null,
              "Description": null,
              "InitialContactId": "11111111-2222-3333-4444-555555555555",
              "InitiationMethod": "INBOUND",
              "InstanceARN": "arn:aws:connect:ap-northeast-2:000000000000:instance/99999999-8888-7777-6666-555555555555",
              "LanguageCode": "en-US",
              "MediaStreams": {
                "Customer": {
                  "Audio": null
                }
              },
              "Name": null,
              "PreviousContactId": "11111111-2222-3333-4444-555555555555",
              "Queue": null,
              "References": {},
              "SegmentAttributes": {},
              "SystemEndpoint": {
                "Address": "+82215550100",
                "Type": "TELEPHONE_NUMBER"
              },
              "Tags": {}
            },
            "Parameters": {
              "nickname": "비버",
              "none": null,
              "n": 5,
              "VOICE": {
                "deep": [
                  "+821012345678"
                ]
              }
            }
          }
        }"#]].assert_eq(&text);
}
