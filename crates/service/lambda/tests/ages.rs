//! What happens after hours and weeks, on a clock that leaps.

use std::sync::Arc;
use std::time::Duration;

use api_lambda::{
    CreateFunctionRequest, DestinationConfig, GetFunctionConfigurationRequest, InvocationRequest,
    InvocationType, OnFailure, PublishVersionRequest, PutFunctionEventInvokeConfigRequest,
    SnapStart, SnapStartApplyOn, State, StateReasonCode,
};

use crate::support::{Cloud, Leaping, function, installed, lines, text};

const DAY: Duration = Duration::from_secs(24 * 3600);
const FAILS: &str = "
def handler(event, context):
    print('tried')
    raise ValueError('never')
";
const LISTENS: &str = "
def handler(event, context):
    about = event['requestContext']
    print('told', about['condition'], about['approximateInvokeCount'])
";

fn python(name: &str, source: &str) -> CreateFunctionRequest {
    function(name, "python3.11", "app.handler", &[("app.py", source)])
}

#[tokio::test]
async fn events_are_given_up_when_they_are_too_old() {
    if !installed("python3.11") {
        return;
    }
    let clock = Leaping::new();
    let cloud = Cloud::at(Arc::new(clock.clone()), |options| {
        options.retry_pauses = [Duration::from_secs(600); 2];
        options.proactive = false;
    });
    cloud.create(python("fails", FAILS)).await;
    // Its role tells of failures.
    let policy = api_iam::PutRolePolicyRequest {
        role_name: "desk-role".into(),
        policy_name: "tells".into(),
        policy_document: r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"lambda:*","Resource":"*"}}"#
            .into(),
    };
    cloud.ctx.client::<api_iam::Client>().put_role_policy(policy).await.expect("a policy");
    cloud.create(python("listens", LISTENS)).await;
    let listens = "arn:aws:lambda:ap-northeast-2:000000000000:function:listens";
    let config = PutFunctionEventInvokeConfigRequest {
        function_name: "fails".into(),
        maximum_event_age_in_seconds: Some(300),
        destination_config: Some(DestinationConfig {
            on_failure: Some(OnFailure { destination: Some(listens.into()) }),
            ..Default::default()
        }),
        ..Default::default()
    };
    cloud.lambda().put_function_event_invoke_config(config).await.expect("settings");
    let event = InvocationRequest {
        function_name: "fails".into(),
        invocation_type: Some(InvocationType::Event),
        ..Default::default()
    };
    cloud.lambda().invoke(event).await.expect("it is accepted");
    while lines(&cloud, "fails", "tried").await == 0 {
        cloud.ctx.sleep(Duration::from_millis(50)).await;
    }
    // It waits for its second attempt, or is about to; then it is older than it may be.
    for _ in 0..10 {
        cloud.ctx.sleep(Duration::from_millis(500)).await;
        clock.leap(Duration::from_secs(700));
        for _ in 0..60 {
            if lines(&cloud, "listens", "told EventAgeExceeded 1").await > 0 {
                assert_eq!(lines(&cloud, "fails", "tried").await, 1);
                return cloud.stop().await;
            }
            cloud.ctx.sleep(Duration::from_millis(50)).await;
        }
    }
    panic!("nobody is told");
}

async fn state(cloud: &Cloud, name: &str) -> (Option<State>, Option<StateReasonCode>) {
    let request =
        GetFunctionConfigurationRequest { function_name: name.into(), ..Default::default() };
    let found = cloud.lambda().get_function_configuration(request).await.expect("it is there");
    (found.state, found.state_reason_code)
}

async fn until(cloud: &Cloud, name: &str, wanted: (Option<State>, Option<StateReasonCode>)) {
    for _ in 0..6000 {
        if state(cloud, name).await == wanted {
            return;
        }
        cloud.ctx.sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?} instead of {wanted:?}", state(cloud, name).await);
}

#[tokio::test]
async fn snapshots_go_after_two_weeks_without_use() {
    if !installed("nodejs20.x") {
        return;
    }
    let clock = Leaping::new();
    let cloud = Cloud::at(Arc::new(clock.clone()), |_| {});
    let source = "export const handler = async () => 'here';";
    let mut request = function("desk", "nodejs20.x", "index.handler", &[("index.mjs", source)]);
    request.snap_start = Some(SnapStart { apply_on: Some(SnapStartApplyOn::PublishedVersions) });
    cloud.create(request).await;
    let publish = PublishVersionRequest { function_name: "desk".into(), ..Default::default() };
    cloud.lambda().publish_version(publish).await.expect("a version");
    let active = (Some(State::Active), None);
    let inactive = (Some(State::Inactive), Some(StateReasonCode::Idle));
    until(&cloud, "desk:1", active.clone()).await;
    // A use in between counts.
    clock.leap(DAY * 10);
    assert_eq!(text(&cloud.invoke("desk:1", "{}").await), r#""here""#);
    clock.leap(DAY * 10);
    // The look at the snapshot is over when its task has run: nothing tells, so this may look early.
    cloud.ctx.sleep(Duration::from_millis(200)).await;
    assert_eq!(state(&cloud, "desk:1").await, active);
    clock.leap(DAY * 5);
    until(&cloud, "desk:1", inactive).await;
    let fault = cloud.try_invoke("desk:1", "{}").await.expect_err("it is being made again");
    assert_eq!((fault.code.as_ref(), fault.status), ("SnapStartNotReadyException", 409));
    until(&cloud, "desk:1", active).await;
    assert_eq!(text(&cloud.invoke("desk:1", "{}").await), r#""here""#);
    cloud.stop().await;
}
