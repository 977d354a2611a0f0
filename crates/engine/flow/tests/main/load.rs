//! What is refused, and in which words.

use crate::support::{action, document, ends, flow, when};
use expect_test::{Expect, expect};
use flow::load;
use serde_json::{Value, json};

/// The problems of `text`, a line each: action, Connect's message, our detail.
fn check(text: &str, expected: Expect) {
    let found = match load(text) {
        Ok(flow) => format!("loads: {} actions\n", flow.action_count()),
        Err(problems) => problems
            .0
            .iter()
            .map(|problem| {
                let action = problem.action.as_deref().unwrap_or("-");
                format!("{action} | {} | {}\n", problem.message, problem.detail)
            })
            .collect(),
    };
    expected.assert_eq(&found);
}

/// The problems of one action between the two ends.
fn check_action(action: Value, expected: Expect) {
    check(&flow(vec![action]), expected);
}

#[test]
fn documents() {
    check(
        "",
        expect![[r#"
        - | Invalid Flow | the flow is not JSON: EOF while parsing a value at line 1 column 0
    "#]],
    );
    check(
        "[1, 2",
        expect![[r#"
        - | Invalid Flow | the flow is not JSON: EOF while parsing a list at line 1 column 5
    "#]],
    );
    check(
        "[]",
        expect![[r#"
        - | Invalid Flow | the flow is not a JSON object
    "#]],
    );
    check(
        "{}",
        expect![[r#"
        - | Flow is missing required property. Path: Version | the flow has no Version
        - | Flow is missing required property. Path: Actions | the flow has no Actions
        - | Flow is missing required property. Path: StartAction | the flow has no StartAction
    "#]],
    );
    check(
        &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        expect![[r#"
        - | Invalid Flow | the flow is not JSON: recursion limit exceeded at line 1 column 128
    "#]],
    );
    check(
        &format!("{}1{}", "[".repeat(100), "]".repeat(100)),
        expect![[r#"
        - | Invalid Flow | the flow nests deeper than 64
    "#]],
    );
    check(
        &" ".repeat(256_001),
        expect![[r#"
        - | Invalid Flow | the flow has more than 256000 characters
    "#]],
    );
    check(
        r#"{"Version": "2012-10-17", "StartAction": 5, "Actions": {}}"#,
        expect![[r#"
        - | Invalid Flow property value. Path: Version | Version is "2012-10-17"; the only version is "2019-10-30"
        - | Invalid Flow property value. Path: Actions | Actions is not a list
        - | Flow is missing required property. Path: StartAction | the flow has no StartAction
    "#]],
    );
    check(
        r#"{"Version": "2019-10-30", "StartAction": "a", "Actions": []}"#,
        expect![[r#"
        - | Invalid Flow property value. Path: Actions | the flow has no action
        - | Invalid Flow property value. Path: StartAction | StartAction is "a", and no action has that Identifier
    "#]],
    );
    check(
        r#"{"Version": "2019-10-30", "StartAction": "gone", "Actions": [
            {"Identifier": "a", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}},
            5, {"Type": 1, "Transitions": []}]}"#,
        expect![[r#"
            - | Invalid Action property value. Path: Actions[1] | Actions[1] is not an object
            - | Action is missing required property. Path: Actions[2].Identifier | Actions[2] has no Identifier
            - | Invalid Action property value. Path: Actions[2].Type | Type of Actions[2] is not a string, or is empty
            - | Invalid Action property value. Path: Actions[2].Transitions | Transitions is not an object
            - | Invalid Flow property value. Path: StartAction | StartAction is "gone", and no action has that Identifier
        "#]],
    );
    check(
        &format!("\u{feff}{}", document(json!(ends()))),
        expect![[r#"
        loads: 2 actions
    "#]],
    );
}

#[test]
fn actions() {
    let id = "x".repeat(51);
    check(
        &document(json!([
            {"Identifier": "a", "Type": "DisconnectParticipant", "Transitions": {}},
            {"Identifier": "a", "Type": "DisconnectParticipant", "Transitions": {}},
            {"Identifier": "a/b", "Type": "EndFlowExecution"},
            {"Identifier": "constructor", "Type": "EndFlowExecution"},
            {"Identifier": id, "Type": "EndFlowExecution"},
            {"Identifier": "b", "Type": "PlayPrompt"},
            {"Identifier": "가 나", "Type": "EndFlowExecution"},
        ])),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[1].Identifier | another action has the same Identifier
            a/b | Invalid Action property value. Path: Actions[2].Identifier | the Identifier has the character '/', which is not allowed
            constructor | Invalid Action property value. Path: Actions[3].Identifier | the Identifier "constructor" is not allowed
            xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx | Invalid Action property value. Path: Actions[4].Identifier | the Identifier has more than 50 characters
            b | Invalid Action type. Type: PlayPrompt, Path: Actions[5].Type | there is no action type "PlayPrompt"
        "#]],
    );
    let many: Vec<Value> = (0..251)
        .map(|index| json!({"Identifier": format!("a{index}"), "Type": "DisconnectParticipant"}))
        .collect();
    check(
        &document(json!(many)),
        expect![[r#"
        - | Invalid Flow property value. Path: Actions | the flow has more than 250 actions
    "#]],
    );
    check_action(
        json!({"Identifier": "a", "Type": "InvokeLambdaFunction",
            "Parameters": {"InvocationTimeLimitSeconds": "9", "Timeout": 1},
            "Transitions": {"NextAction": "nowhere", "Errors": [
                {"ErrorType": "NoMatchingError", "NextAction": "lost"}, {"ErrorType": "x"}],
                "Conditions": [{"NextAction": "gone", "Condition":
                    {"Operator": "Is", "Operands": [""]}}]}}),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Transitions.Errors[1] | Transitions.Errors[1] is not an ErrorType with a NextAction
            a | Invalid Action property value. Path: Actions[0].Transitions.NextAction | NextAction is "nowhere", and no action has that Identifier
            a | Invalid Action property value. Path: Actions[0].Transitions.Errors[0].NextAction | Errors[0].NextAction is "lost", and no action has that Identifier
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions[0].NextAction | Conditions[0].NextAction is "gone", and no action has that Identifier
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions[0].Condition.Operands | an operand is missing or empty
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions[0].Condition.Operator | there is no operator "Is"
            a | Action does not support conditions. Path: Actions[0] | InvokeLambdaFunction has no result to compare
            a | Action is missing required property. Path: Actions[0].Parameters.LambdaFunctionARN | InvokeLambdaFunction needs the parameter "LambdaFunctionARN"
            a | Invalid Action property value. Path: Actions[0].Parameters.InvocationTimeLimitSeconds | the parameter "InvocationTimeLimitSeconds" is not a whole number from 1 to 8
            a | Invalid Action property name. Path: Actions[0].Parameters.Timeout | InvokeLambdaFunction has no parameter "Timeout"
        "#]],
    );
}

#[test]
fn parameters_of_what_is_said() {
    let message = |parameters| action("a", "MessageParticipant", parameters, "end", &[]);
    check_action(
        message(json!({"Text": "안녕"})),
        expect![[r#"
        loads: 3 actions
    "#]],
    );
    check_action(
        message(json!({"Text": 5})),
        expect![[r#"
        loads: 3 actions
    "#]],
    );
    check_action(
        message(json!({})),
        expect![[r#"
        a | Invalid Action property value. Path: Actions[0].Parameters | one of Text, SSML, PromptId and Media must be given
    "#]],
    );
    check_action(
        message(json!({"Text": {}, "SSML": "<speak/>", "Voice": "x"})),
        expect![[r#"
        a | Invalid Action property value. Path: Actions[0].Parameters.Text | the parameter "Text" is not a text
        a | Invalid Action property name. Path: Actions[0].Parameters.Voice | MessageParticipant has no parameter "Voice"
    "#]],
    );
    check_action(
        message(json!({"Media": {"Uri": "s3://b/k", "SourceType": "FTP"}})),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.Media.SourceType | the parameter "SourceType" is "FTP", not one of S3
            a | Action is missing required property. Path: Actions[0].Parameters.Media.MediaType | MessageParticipant needs the parameter "MediaType"
        "#]],
    );
    check_action(
        when(message(json!({"Text": "a", "PromptId": "b"})), &[("1", "end")]),
        expect![[r#"
            a | Action does not support conditions. Path: Actions[0] | MessageParticipant has no result to compare
            a | Invalid Action property value. Path: Actions[0].Parameters | more than one of Text, SSML, PromptId and Media is given
        "#]],
    );
}

#[test]
fn parameters_of_input() {
    let input = |parameters| action("a", "GetParticipantInput", parameters, "end", &[]);
    check_action(
        input(json!({})),
        expect![[r#"
        a | Action is missing required property. Path: Actions[0].Parameters.InputTimeLimitSeconds | GetParticipantInput needs the parameter "InputTimeLimitSeconds"
        a | Action is missing required property. Path: Actions[0].Parameters.StoreInput | GetParticipantInput needs the parameter "StoreInput"
    "#]],
    );
    check_action(
        when(
            input(json!({"StoreInput": "False", "InputTimeLimitSeconds": "181", "Text": "x"})),
            &[("10", "end")],
        ),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.InputTimeLimitSeconds | the parameter "InputTimeLimitSeconds" is not a whole number from 1 to 180
            a | Action is missing required error. Error: NoMatchingCondition, Path: Actions[0] | there is no branch for the error NoMatchingCondition
            a | Action is missing required error. Error: InputTimeLimitExceeded, Path: Actions[0] | there is no branch for the error InputTimeLimitExceeded
            a | Action is missing required error. Error: NoMatchingError, Path: Actions[0] | there is no branch for the error NoMatchingError
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions | a menu compares with Equals and one key: 0 to 9, * or #
        "#]],
    );
    let store = |parameters: Value| {
        let mut all = json!({"StoreInput": true, "InputTimeLimitSeconds": 5});
        all.as_object_mut()
            .expect("an object")
            .extend(parameters.as_object().cloned().expect("one"));
        action("a", "GetParticipantInput", all, "end", &["NoMatchingError"])
    };
    check_action(
        store(json!({})),
        expect![[r#"
        a | Action is missing required property. Path: Actions[0].Parameters.InputValidation | GetParticipantInput needs the parameter "InputValidation"
    "#]],
    );
    check_action(
        store(json!({"InputValidation": {"CustomValidation": {"MaximumLength": 0},
            "PhoneNumberValidation": {"NumberFormat": "Local", "CountryCode": "XX"}}})),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.InputValidation.CustomValidation.MaximumLength | the parameter "MaximumLength" is not a whole number from 1 to 100
            a | Invalid Action property value. Path: Actions[0].Parameters.InputValidation.PhoneNumberValidation.CountryCode | the parameter "CountryCode" is "XX", which is no country
            a | Invalid Action property value. Path: Actions[0].Parameters.InputValidation | one of CustomValidation and PhoneNumberValidation must be given
        "#]],
    );
    check_action(
        store(json!({"InputValidation": {"CustomValidation": {"MaximumLength": "4"}},
            "DTMFConfiguration": {"InputTerminationSequence": "12345a", "DisableCancelKey": "no",
                "InterdigitTimeLimitSeconds": 21}})),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.DTMFConfiguration.InputTerminationSequence | the parameter "InputTerminationSequence" is not 1 to 5 keys
            a | Invalid Action property value. Path: Actions[0].Parameters.DTMFConfiguration.DisableCancelKey | the parameter "DisableCancelKey" is not "True" or "False"
            a | Invalid Action property value. Path: Actions[0].Parameters.DTMFConfiguration.InterdigitTimeLimitSeconds | the parameter "InterdigitTimeLimitSeconds" is not a whole number from 1 to 20
        "#]],
    );
    check_action(
        store(json!({"InputValidation": {"PhoneNumberValidation":
            {"NumberFormat": "Local", "CountryCode": "KR"}}})),
        expect![[r#"
            loads: 3 actions
        "#]],
    );
}

#[test]
fn parameters_of_branches() {
    let compare = |value| {
        action("a", "Compare", json!({"ComparisonValue": value}), "end", &["NoMatchingCondition"])
    };
    check_action(
        compare("$.External['a b']"),
        expect![[r#"
        loads: 3 actions
    "#]],
    );
    check_action(
        compare("$.Agent.x and more"),
        expect![[r#"
        a | Invalid Action property value. Path: Actions[0].Parameters.ComparisonValue | the parameter "ComparisonValue" is "$.Agent.x and more", which is not one reference
    "#]],
    );
    check_action(
        action("a", "Compare", json!({}), "end", &["NoMatchingError"]),
        expect![[r#"
        a | Action is missing required error. Error: NoMatchingCondition, Path: Actions[0] | there is no branch for the error NoMatchingCondition
        a | Invalid Action error. Error: NoMatchingError, Path: Actions[0] | Compare never takes the error NoMatchingError
        a | Action is missing required property. Path: Actions[0].Parameters.ComparisonValue | Compare needs the parameter "ComparisonValue"
    "#]],
    );
    check_action(
        when(
            action("a", "Loop", json!({"LoopCount": 101}), "end", &[]),
            &[("ContinueLooping", "end")],
        ),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.LoopCount | the parameter "LoopCount" is not a whole number from 0 to 100
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions | there must be one Equals for each of ContinueLooping, DoneLooping
        "#]],
    );
    check_action(
        when(
            action("a", "CheckHoursOfOperation", json!({}), "end", &["NoMatchingCondition"]),
            &[("True", "end"), ("False", "end")],
        ),
        expect![[r#"
            a | Action is missing required error. Error: NoMatchingError, Path: Actions[0] | there is no branch for the error NoMatchingError
            a | Invalid Action error. Error: NoMatchingCondition, Path: Actions[0] | CheckHoursOfOperation never takes the error NoMatchingCondition
        "#]],
    );
    check_action(
        when(
            action(
                "a",
                "Wait",
                json!({"TimeoutSeconds": 5, "Events": ["Rain"]}),
                "end",
                &["NoMatchingError"],
            ),
            &[("WaitCompleted", "end")],
        ),
        expect![[r#"
            a | Action is missing required property. Path: Actions[0].Parameters.TimeLimitSeconds | Wait needs the parameter "TimeLimitSeconds"
            a | Invalid Action property value. Path: Actions[0].Parameters.Events | the parameter "Events" has "Rain", which is no event
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions | there must be one Equals for each of WaitCompleted, Rain
            a | Invalid Action property name. Path: Actions[0].Parameters.TimeoutSeconds | Wait has no parameter "TimeoutSeconds"
        "#]],
    );
    check_action(
        when(
            action("a", "DistributeByPercentage", json!({}), "end", &["NoMatchingCondition"]),
            &[("50", "end")],
        ),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Transitions.Conditions | the conditions are not a rising chain of NumberLessThan
        "#]],
    );
}

#[test]
fn parameters_of_settings() {
    check_action(
        action(
            "a",
            "UpdateFlowLoggingBehavior",
            json!({"FlowLoggingBehavior": "On"}),
            "end",
            &["NoMatchingError"],
        ),
        expect![[r#"
            a | Invalid Action error. Error: NoMatchingError, Path: Actions[0] | UpdateFlowLoggingBehavior never takes the error NoMatchingError
            a | Invalid Action property value. Path: Actions[0].Parameters.FlowLoggingBehavior | the parameter "FlowLoggingBehavior" is "On", not one of Enabled, Disabled
        "#]],
    );
    check_action(
        action(
            "a",
            "UpdateContactAttributes",
            json!({"Attributes": [], "TargetContact": "Other"}),
            "end",
            &["NoMatchingError"],
        ),
        expect![[r#"
            a | Invalid Action property value. Path: Actions[0].Parameters.Attributes | the parameter "Attributes" is not an object
            a | Invalid Action property value. Path: Actions[0].Parameters.TargetContact | the parameter "TargetContact" is "Other", not one of Current, Related
        "#]],
    );
    check_action(
        action("a", "UpdateContactTextToSpeechVoice", json!({"Voice": "Seoyeon"}), "end", &[]),
        expect![[r#"
            a | Action is missing required property. Path: Actions[0].Parameters.TextToSpeechVoice | UpdateContactTextToSpeechVoice needs the parameter "TextToSpeechVoice"
            a | Invalid Action property name. Path: Actions[0].Parameters.Voice | UpdateContactTextToSpeechVoice has no parameter "Voice"
        "#]],
    );
    check_action(
        action("a", "TransferToFlow", json!({}), "end", &[]),
        expect![[r#"
        a | Action is missing required error. Error: NoMatchingError, Path: Actions[0] | there is no branch for the error NoMatchingError
        a | Action is missing required property. Path: Actions[0].Parameters.ContactFlowId | TransferToFlow needs the parameter "ContactFlowId"
    "#]],
    );
    check_action(
        action("a", "ShowView", json!({"Anything": 1}), "end", &[]),
        expect![[r#"
        loads: 3 actions
    "#]],
    );
}

#[test]
fn legacy_exports() {
    check(
        r#"{"modules": [
            {"id": "a", "type": "PlayPrompt", "branches": [{"condition": "Success", "transition": "b"}],
             "parameters": [{"name": "Text", "value": "name", "namespace": "External"}]},
            {"id": "b", "type": "Disconnect", "branches": [], "parameters": []}],
            "version": "1", "type": "contactFlow", "start": "a"}"#,
        expect![[r#"
            loads: 2 actions
        "#]],
    );
    check(
        r#"{"modules": [
            {"id": "a", "type": "PlayPrompt", "branches": [{"condition": "Success", "transition": "b"}],
             "parameters": [{"name": "Text", "value": "x", "namespace": "Elsewhere"}]},
            {"id": "c", "type": "Teleport", "branches": [{"condition": "Success", "transition": "a"}]},
            {"id": "d", "type": "CheckAttribute", "branches": [{"condition": "Evaluate",
              "conditionType": "Rhymes", "conditionValue": "x", "transition": "a"}],
             "parameters": [{"name": "Attribute", "value": "Shoe size"}, {"name": "Namespace", "value": "System"}]},
            {"type": "Disconnect"}, {"id": "e", "type": "Disconnect", "branches": 5}],
            "start": "z"}"#,
        expect![[r#"
            a | Invalid Action property value. Path: modules[0].Text | there is no namespace "Elsewhere"
            d | Invalid Action property value. Path: modules[2].Attribute | there is no system attribute "Shoe size"
            - | Invalid Action property value. Path: modules[3] | modules[3] has no id
            e | Invalid Action property value. Path: modules[4] | branches of modules[4] is not a list
            - | Invalid Flow property value. Path: start | start is "z", and no action has that Identifier
            a | Invalid Action property value. Path: modules[0].Transitions.NextAction | NextAction is "b", and no action has that Identifier
            a | Invalid Action property value. Path: modules[0].Parameters | one of Text, SSML, PromptId and Media must be given
            c | Invalid Action type. Type: Teleport, Path: modules[1].Type | there is no action type "Teleport"
            d | Invalid Action property value. Path: modules[2].Transitions.Conditions[0].Condition.Operator | there is no operator "Rhymes"
            d | Action is missing required property. Path: modules[2].Transitions.NextAction | there is no NextAction
            d | Action is missing required error. Error: NoMatchingCondition, Path: modules[2] | there is no branch for the error NoMatchingCondition
            d | Action is missing required property. Path: modules[2].Parameters.ComparisonValue | Compare needs the parameter "ComparisonValue"
        "#]],
    );
}
