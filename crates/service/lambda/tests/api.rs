//! Operations that need no runtime.

use std::collections::BTreeMap;

use api_lambda::*;
use expect_test::{Expect, expect};
use kernel::Fault;

use crate::support::{Cloud, function, package};

fn node(name: &str) -> CreateFunctionRequest {
    function(name, "nodejs20.x", "index.handler", &[("index.mjs", "export const handler = 1")])
}

async fn refused(request: CreateFunctionRequest, expected: Expect) {
    let cloud = Cloud::start();
    cloud.trusted_role().await;
    let fault = cloud.lambda().create_function(request).await.expect_err("it is refused");
    expected.assert_eq(&format!("{} {fault}", fault.status));
    cloud.stop().await;
}

#[tokio::test]
async fn a_role_must_trust_lambda() {
    let cloud = Cloud::start();
    let fault = cloud.lambda().create_function(node("desk")).await.expect_err("it has no role");
    assert_eq!(fault.code, "InvalidParameterValueException");
    assert_eq!(fault.message, "The role defined for the function cannot be assumed by Lambda.");
    cloud.trusted_role().await;
    cloud.lambda().create_function(node("desk")).await.expect("it has one");
    cloud.stop().await;
}

fn get(name: &str) -> GetFunctionRequest {
    GetFunctionRequest { function_name: name.into(), ..Default::default() }
}

#[tokio::test]
async fn a_functions_life() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    let mut request = node("desk");
    request.tags = Some(BTreeMap::from([("team".into(), "calls".into())]));
    cloud.trusted_role().await;
    let created = lambda.create_function(request.clone()).await.expect("it is created");
    assert_eq!(created.state, Some(State::Pending));
    assert_eq!(
        created.function_arn.as_deref(),
        Some("arn:aws:lambda:ap-northeast-2:000000000000:function:desk")
    );
    let fault = lambda.create_function(request.clone()).await.expect_err("once only");
    assert_eq!(fault.to_string(), "ResourceConflictException: Function already exist: desk");
    assert_eq!(fault.status, 409);
    cloud.settled("desk").await;

    let found = lambda.get_function(get("desk:$LATEST")).await.expect("it is there");
    let configuration = found.configuration.expect("a configuration");
    assert!(configuration.function_arn.expect("an ARN").ends_with(":function:desk:$LATEST"));
    assert_eq!(configuration.state, Some(State::Active));
    assert_eq!(configuration.timeout, Some(60));
    assert_eq!(
        configuration.environment.and_then(|e| e.variables).expect("some")["GREETING"],
        "안녕"
    );
    assert_eq!(found.tags.expect("tags")["team"], "calls");
    let location = found.code.and_then(|code| code.location).expect("a link");
    let token = location.strip_prefix("http://127.0.0.1:4566/_gureum/lambda/code/").expect("ours");
    let bytes = cloud.downloads.package(token).await.expect("the package");
    assert_eq!(bytes, request.code.zip_file.clone().expect("a package").0);
    let mut forged = token.to_owned();
    forged.replace_range(20..21, if &token[20..21] == "A" { "B" } else { "A" });
    assert_eq!(cloud.downloads.package(&forged).await.expect_err("forged").status, 403);

    // The variables are nowhere in the store as they are.
    let stored = cloud.ctx.store().read(|tx| {
        let table = store::Table::<serde_json::Value>::new("lambda/function");
        tx.scan(&table, store::Scan::all()).expect("readable")
    });
    assert!(!format!("{stored:?}").contains("GREETING"));

    let delete = DeleteFunctionRequest { function_name: "desk".into(), ..Default::default() };
    lambda.delete_function(delete.clone()).await.expect("it is deleted");
    let fault = lambda.delete_function(delete).await.expect_err("it is gone");
    assert_eq!(
        fault.to_string(),
        "ResourceNotFoundException: Function not found: \
         arn:aws:lambda:ap-northeast-2:000000000000:function:desk"
    );
    assert_eq!(cloud.downloads.package(token).await.expect_err("it is gone").status, 500);
    cloud.stop().await;
}

#[tokio::test]
async fn updates() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    cloud.create(node("desk")).await;
    let before = lambda.get_function(get("desk")).await.expect("there").configuration.expect("so");
    let revision = before.revision_id.clone();
    let update = UpdateFunctionConfigurationRequest {
        function_name: "desk".into(),
        timeout: Some(8),
        revision_id: revision.clone(),
        ..Default::default()
    };
    let after = lambda.update_function_configuration(update.clone()).await.expect("it changes");
    assert_eq!((after.timeout, after.memory_size), (Some(8), Some(256)));
    assert_eq!(after.last_update_status, Some(LastUpdateStatus::InProgress));
    assert_ne!(after.revision_id, revision);
    let fault = lambda.update_function_configuration(update).await.expect_err("an old revision");
    assert_eq!((fault.code.as_ref(), fault.status), ("PreconditionFailedException", 412));
    cloud.settled("desk").await;

    let other = package(&[("index.mjs", "export const handler = 2")]);
    let mut update = UpdateFunctionCodeRequest {
        function_name: "desk".into(),
        zip_file: Some(other),
        dry_run: Some(true),
        ..Default::default()
    };
    let dry = lambda.update_function_code(update.clone()).await.expect("it could change");
    let same = lambda.get_function(get("desk")).await.expect("there").configuration.expect("so");
    assert_eq!(same.code_sha256, before.code_sha256);
    assert_ne!(dry.code_sha256, before.code_sha256);
    update.dry_run = None;
    let changed = lambda.update_function_code(update).await.expect("it changes");
    assert_eq!(changed.code_sha256, dry.code_sha256);
    cloud.settled("desk").await;
    cloud.stop().await;
}

#[tokio::test]
async fn pages_of_functions() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    for name in ["c", "a", "b"] {
        cloud.create(node(name)).await;
    }
    let mut names: Vec<Vec<String>> = Vec::new();
    let mut marker = None;
    loop {
        let request = ListFunctionsRequest { max_items: Some(2), marker, ..Default::default() };
        let page = lambda.list_functions(request).await.expect("a page");
        names.push(page.functions.into_iter().flatten().filter_map(|f| f.function_name).collect());
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, [vec!["a".to_owned(), "b".into()], vec!["c".into()]]);
    cloud.stop().await;
}

#[tokio::test]
async fn refused_requests() {
    let mut request = node("desk");
    request.handler = None;
    refused(request, expect!["400 InvalidParameterValueException: Runtime and Handler are mandatory parameters for functions created with deployment packages."]).await;
    let mut request = node("desk");
    request.code = FunctionCode::default();
    refused(
        request,
        expect!["400 InvalidParameterValueException: Please provide a source for function code."],
    )
    .await;
    let mut request = node("desk");
    request.code.zip_file = Some(shape::Blob("no zip".into()));
    refused(request, expect!["400 InvalidParameterValueException: Could not unzip uploaded file. Please check your file, then try to upload again."]).await;
    let mut request = node("desk");
    request.code.zip_file = Some(package(&[("../evil", "x")]));
    refused(request, expect![[r#"400 InvalidParameterValueException: The zip file contains the entry "../evil", which leads out of the package."#]]).await;
    let mut request = node("desk");
    request.timeout = Some(901);
    refused(request, expect!["400 ValidationException: 1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"]).await;
    let mut request = node("desk");
    let reserved = BTreeMap::from([("AWS_REGION".to_owned(), "x".to_owned())]);
    request.environment = Some(Environment { variables: Some(reserved) });
    refused(request, expect!["400 InvalidParameterValueException: Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"]).await;
    let mut request = node("desk");
    request.runtime = Some(Runtime::Ruby33);
    refused(request, expect!["501 NotImplementedException: Gureum does not implement the runtime ruby3.3; it runs nodejs20.x, nodejs22.x, nodejs24.x, python3.11, python3.12, python3.13, java11, java17, java21, java25, provided.al2, provided.al2023."]).await;
    let mut request = node("desk");
    request.layers = Some(vec!["arn:aws:lambda:ap-northeast-2:000000000000:layer:x:1".into()]);
    refused(
        request,
        expect!["400 InvalidParameterValueException: Layer version arn:aws:lambda:ap-northeast-2:000000000000:layer:x:1 does not exist."],
    )
    .await;
}

#[tokio::test]
async fn refused_invocations() {
    let cloud = Cloud::with(|options| options.runtimes = "/nowhere/runtimes".into());
    let lambda = cloud.lambda();
    let words = |fault: Option<Fault>| fault.map(|fault| format!("{} {fault}", fault.status));
    let nobody = cloud.try_invoke("nobody", "{}").await.err();
    expect!["404 ResourceNotFoundException: Function not found: arn:aws:lambda:ap-northeast-2:000000000000:function:nobody"].assert_eq(&words(nobody).unwrap());
    cloud.create(node("desk")).await;
    let garbage = cloud.try_invoke("desk", "{oops").await.err();
    expect!["400 InvalidRequestContentException: Could not parse request body into json: Could not parse payload into json: key must be a string at line 1 column 2"].assert_eq(&words(garbage).unwrap());
    let huge = cloud.try_invoke("desk", &format!("\"{}\"", "x".repeat(6_291_556))).await.err();
    expect!["413 RequestTooLargeException: Request must be smaller than 6291456 bytes for the InvokeFunction operation"].assert_eq(&words(huge).unwrap());
    let version = cloud.try_invoke("desk:7", "{}").await.err();
    expect!["404 ResourceNotFoundException: Function not found: arn:aws:lambda:ap-northeast-2:000000000000:function:desk:7"].assert_eq(&words(version).unwrap());
    let missing = cloud.try_invoke("desk", "{}").await.err();
    expect!["502 InvalidRuntimeException: The runtime nodejs20.x is not installed on this machine (/nowhere/runtimes/nodejs20.x does not exist). Run `gureum runtime install nodejs20.x` once."].assert_eq(&words(missing).unwrap());
    let mut request = InvocationRequest {
        function_name: "desk".into(),
        invocation_type: Some(InvocationType::Event),
        ..Default::default()
    };
    let accepted = lambda.invoke(request.clone()).await.expect("an event waits for its runtime");
    assert_eq!(accepted.status_code, Some(202));
    request.invocation_type = Some(InvocationType::DryRun);
    assert_eq!(lambda.invoke(request).await.expect("a dry run").status_code, Some(204));
    cloud.stop().await;
}
