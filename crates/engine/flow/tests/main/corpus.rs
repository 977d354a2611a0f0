//! Flows that other people exported from real instances, kept outside the repository.
//!
//! They are looked for in `flows` under `GUREUM_SHARED`, or under `../shared` of the repository;
//! without them the tests say so and pass.

use crate::random_caller::call;
use expect_test::expect;
use flow::{EndReason, Format, load};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Callers each flow is run with.
const SEEDS: u64 = 1_000;

/// The flows, by `folder/file`; none if they are not there.
fn corpus() -> Option<Vec<(String, String)>> {
    let shared = std::env::var_os("GUREUM_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../../shared"));
    let folders = std::fs::read_dir(shared.join("flows")).ok()?;
    let mut flows = Vec::new();
    for folder in folders.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path()).expect("a folder of flows") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let folder = folder.file_name().to_string_lossy().into_owned();
                let file = path.file_name().expect("a name").to_string_lossy().into_owned();
                let text = std::fs::read_to_string(&path).expect("a readable flow");
                flows.push((format!("{folder}/{file}"), text));
            }
        }
    }
    flows.sort();
    Some(flows)
}

fn corpus_or_say_so(test: &str) -> Vec<(String, String)> {
    corpus().unwrap_or_else(|| {
        eprintln!("SKIPPED {test}: no flows in ../shared/flows; set GUREUM_SHARED to run it");
        Vec::new()
    })
}

#[test]
fn every_flow_loads_or_says_why_not() {
    let flows = corpus_or_say_so("every_flow_loads_or_says_why_not");
    if flows.is_empty() {
        return;
    }
    let mut summary = String::new();
    for (name, text) in &flows {
        match load(text) {
            Ok(flow) => {
                let format = match flow.format() {
                    Format::Current => "",
                    Format::Legacy => "legacy, ",
                };
                let mut other = BTreeMap::<&str, usize>::new();
                for (_, action_type) in flow.unsupported() {
                    *other.entry(action_type).or_default() += 1;
                }
                let other: Vec<String> =
                    other.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
                let count = flow.action_count();
                let other = other.join(", ");
                summary.push_str(&format!("{name}: {format}{count} actions [{other}]\n"));
            }
            Err(problems) => summary.push_str(&format!("{name}: REFUSED\n{problems}\n")),
        }
    }
    expect![[r#"
        amazon-connect-chat-ui-examples/Basic_Chat.json: legacy, 7 actions [TransferContactToQueue 2, UpdateContactEventHooks 1, UpdateContactTargetQueue 2]
        amazon-connect-chat-ui-examples/Basic_Chat_Disconnect_Flow.json: legacy, 5 actions [TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-chat-ui-examples/InteractiveMsg_ContactFlowLexV2_Export.json: 7 actions [ConnectParticipantWithLexBot 1, TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-chat-ui-examples/xBasic_Chat.json: legacy, 7 actions [TransferContactToQueue 2, UpdateContactEventHooks 1, UpdateContactTargetQueue 2]
        amazon-connect-chat-ui-examples/xBasic_Chat_Disconnect_Flow.json: legacy, 5 actions [TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-rules-engine/RulesEngineAgentWhisper.json: 9 actions [UpdateContactData 1]
        amazon-connect-rules-engine/RulesEngineBootstrap.json: 7 actions [UpdateContactData 1, UpdateContactRecordingBehavior 1]
        amazon-connect-rules-engine/RulesEngineCallback.json: 2 actions []
        amazon-connect-rules-engine/RulesEngineCustomerHold.json: 1 actions [MessageParticipantIteratively 1]
        amazon-connect-rules-engine/RulesEngineCustomerQueue.json: 20 actions [CheckMetricData 1, GetMetricData 1, MessageParticipantIteratively 1]
        amazon-connect-rules-engine/RulesEngineCustomerWhisper.json: 6 actions []
        amazon-connect-rules-engine/RulesEngineDTMFInput.json: 50 actions []
        amazon-connect-rules-engine/RulesEngineDTMFMenu.json: 20 actions []
        amazon-connect-rules-engine/RulesEngineDisconnect.json: 9 actions [TransferContactToQueue 1]
        amazon-connect-rules-engine/RulesEngineError.json: 2 actions []
        amazon-connect-rules-engine/RulesEngineExternalNumber.json: 10 actions [TransferParticipantToThirdParty 4]
        amazon-connect-rules-engine/RulesEngineIntegration.json: 11 actions []
        amazon-connect-rules-engine/RulesEngineMain.json: 4 actions []
        amazon-connect-rules-engine/RulesEngineMessage.json: 7 actions []
        amazon-connect-rules-engine/RulesEngineNLUInput.json: 36 actions [ConnectParticipantWithLexBot 4]
        amazon-connect-rules-engine/RulesEngineNLUMenu.json: 41 actions [ConnectParticipantWithLexBot 4]
        amazon-connect-rules-engine/RulesEngineOutboundWhisper.json: 10 actions [UpdateContactData 1, UpdateContactRecordingBehavior 1]
        amazon-connect-rules-engine/RulesEngineQueue.json: 94 actions [CheckMetricData 2, CreateCallbackContact 1, GetMetricData 1, TransferContactToQueue 2, UpdateContactCallbackNumber 2, UpdateContactEventHooks 4, UpdateContactRoutingBehavior 10, UpdateContactTargetQueue 2]
        amazon-connect-rules-engine/RulesEngineRuleSet.json: 7 actions []
        amazon-connect-rules-engine/RulesEngineSMSMessage.json: 4 actions []
        amazon-connect-rules-engine/RulesEngineTerminate.json: 1 actions []
        amazon-connect-rules-engine/RulesEngineWait.json: 6 actions []
        amazon-connect-rules-engine/empty_agent_whisper_flow.json: 1 actions []
        amazon-connect-rules-engine/empty_customer_hold_flow.json: 1 actions [MessageParticipantIteratively 1]
        amazon-connect-rules-engine/empty_customer_queue_flow.json: 1 actions []
        amazon-connect-rules-engine/empty_customer_whisper_flow.json: 1 actions []
        amazon-connect-rules-engine/empty_flow.json: 2 actions []
        amazon-connect-rules-engine/empty_outbound_whisper_flow.json: 1 actions []
        amazon-connect-snippets/001_Context_Tracking_-_Change_PIN.json: legacy, 17 actions [TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-snippets/001_Context_Tracking_-_Main.json: legacy, 18 actions [TransferContactToQueue 1, UpdateContactEventHooks 1, UpdateContactTargetQueue 1]
        amazon-connect-snippets/001_Context_Tracking_-_Make_Payment.json: legacy, 29 actions [TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-snippets/001_Context_Tracking_-_Queue.json: legacy, 3 actions [MessageParticipantIteratively 1]
        amazon-connect-snippets/100_InitFlow.json: legacy, 11 actions [UpdateContactRecordingBehavior 1]
        amazon-connect-snippets/100_LangFlow.json: legacy, 9 actions []
        amazon-connect-snippets/100_MainFlow.json: legacy, 9 actions [CheckMetricData 1, TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-snippets/remote-Sample.json: legacy, 23 actions []
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Example_AgentWorkspace_Guide.json: 19 actions [CheckVoiceId 1, CreateTask 1, GetCase 1, GetCustomerProfile 1, ShowView 3]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Example_Backend_Guide.json: 16 actions [CreateCustomerProfile 1, GetCustomerProfile 1, ShowView 3]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Example_Cards_Guide.json: 10 actions [CreateCustomerProfile 1, GetCustomerProfile 1, ShowView 3]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Example_Contact_Attributes_And_Styling_Guide.json: 4 actions [ShowView 1]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Example_CreateAndReviewTasks_Create.json: 10 actions [CreateTask 1, ShowView 2, TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Module_Task_Receive.json: 3 actions [ShowView 1]
        amazon-connect-step-by-step-guides-module-library/SBSGuides_Modules_Cases.json: 9 actions [CreateCase 1, CreateCustomerProfile 1, GetCase 1, ShowView 2]
        amazon-connect-step-by-step-guides-module-library/SBS_Lex_Integration_Handler.json: 7 actions [ConnectParticipantWithLexBot 1, TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-step-by-step-guides-module-library/contactFlow.json: 48 actions [GetCustomerProfile 1, ShowView 13]
        amazon-connect-step-by-step-guides-module-library/handlerFlow.json: 4 actions [TransferContactToQueue 1, UpdateContactTargetQueue 1]
        amazon-connect-step-by-step-guides-module-library/viewContactFlow.json: 7 actions [ShowView 1]
        amazon-connect-step-by-step-guides-module-library/xcontactFlow.json: 13 actions [ShowView 1]
        amazon-connect-step-by-step-guides-module-library/xviewContactFlow.json: 10 actions [CheckVoiceId 1, ShowView 1]
        applying-voice-classification-in-amazon-connect-contact-flow/LiveAudioStreamingFlow.json: legacy, 12 actions [UpdateContactMediaStreamingBehavior 2, UpdateContactRecordingBehavior 1]
    "#]].assert_eq(&summary);
}

#[test]
fn every_flow_that_loads_runs_to_an_end() {
    let flows = corpus_or_say_so("every_flow_that_loads_runs_to_an_end");
    // Large flows are run for themselves; as something to transfer to they only cost time.
    let texts: Vec<&str> =
        flows.iter().map(|(_, text)| text.as_str()).filter(|text| text.len() < 6_000).collect();
    let mut ends = BTreeMap::<String, u64>::new();
    for (name, text) in &flows {
        let Ok(flow) = load(text) else { continue };
        let flow = Arc::new(flow);
        for seed in 0..SEEDS {
            let reason = call(&flow, seed, &texts);
            let kind = match reason {
                EndReason::Disconnected => "disconnected",
                EndReason::FlowEnded => "flow ended",
                EndReason::CustomerHungUp => "hung up",
                EndReason::NoErrorBranch { .. } => "no error branch",
                EndReason::NoNextAction { .. } => "no next action",
                EndReason::ActionLimit { .. } => "action limit",
                EndReason::UnknownAction { action } => panic!("{name}: unknown action {action}"),
            };
            *ends.entry(kind.to_owned()).or_default() += 1;
        }
    }
    eprintln!("{} flows, {SEEDS} callers each: {ends:?}", flows.len());
    assert!(flows.is_empty() || ends.len() > 3, "too few kinds of ends: {ends:?}");
}
