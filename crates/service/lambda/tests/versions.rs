//! Versions and aliases: what is published, found, routed and deleted.

use std::collections::BTreeMap;

use api_lambda::*;
use kernel::Fault;

use crate::support::{Cloud, function, package, text};

const SOURCE: &str = "export const handler = async (e, c) => [process.env.AWS_LAMBDA_FUNCTION_VERSION, c.functionVersion, c.invokedFunctionArn.split(':').slice(6).join(':'), process.env.GREETING]";

fn node(name: &str) -> CreateFunctionRequest {
    function(name, "nodejs20.x", "index.handler", &[("index.mjs", SOURCE)])
}

fn words(fault: Fault) -> String {
    format!("{} {fault}", fault.status)
}

async fn publish(cloud: &Cloud) -> FunctionConfiguration {
    let request = PublishVersionRequest { function_name: "desk".into(), ..Default::default() };
    let published = cloud.lambda().publish_version(request).await.expect("it is published");
    cloud.settled(&format!("desk:{}", published.version.as_deref().expect("a number"))).await;
    published
}

/// Gives `$LATEST` another timeout.
async fn change(cloud: &Cloud, timeout: i32) {
    let update = UpdateFunctionConfigurationRequest {
        function_name: "desk".into(),
        timeout: Some(timeout),
        ..Default::default()
    };
    cloud.lambda().update_function_configuration(update).await.expect("it changes");
    cloud.settled("desk").await;
}

async fn listed(cloud: &Cloud) -> Vec<String> {
    let mut found = Vec::new();
    let mut marker = None;
    loop {
        let request = ListVersionsByFunctionRequest {
            function_name: "desk".into(),
            max_items: Some(1),
            marker,
        };
        let page = cloud.lambda().list_versions_by_function(request).await.expect("a page");
        found.extend(page.versions.into_iter().flatten().filter_map(|v| v.version));
        marker = page.next_marker;
        if marker.is_none() {
            return found;
        }
    }
}

fn alias(name: &str, version: &str, other: &[(&str, f64)]) -> CreateAliasRequest {
    let weights: BTreeMap<String, f64> =
        other.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect();
    let routing = AliasRoutingConfiguration { additional_version_weights: Some(weights) };
    CreateAliasRequest {
        function_name: "desk".into(),
        name: name.into(),
        function_version: version.into(),
        routing_config: (!other.is_empty()).then_some(routing),
        ..Default::default()
    }
}

#[tokio::test]
async fn versions_stay_as_they_were() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    let mut request = node("desk");
    request.publish = Some(true);
    cloud.trusted_role().await;
    let created = lambda.create_function(request).await.expect("it is created");
    assert_eq!(created.version.as_deref(), Some("1"));
    assert!(created.function_arn.expect("an ARN").ends_with(":function:desk"));
    cloud.settled("desk").await;
    cloud.settled("desk:1").await;
    // Nothing has changed: no new version.
    let same = publish(&cloud).await;
    assert_eq!(same.version.as_deref(), Some("1"));
    assert!(same.function_arn.expect("an ARN").ends_with(":function:desk:1"));

    change(&cloud, 9).await;
    let second = publish(&cloud).await;
    assert_eq!((second.version.as_deref(), second.timeout), (Some("2"), Some(9)));
    let get = |name: &str| GetFunctionRequest { function_name: name.into(), ..Default::default() };
    let first = lambda.get_function(get("desk:1")).await.expect("there").configuration;
    assert_eq!(first.expect("a configuration").timeout, Some(60));
    assert_eq!(listed(&cloud).await, ["$LATEST", "1", "2"]);
    let request =
        ListFunctionsRequest { function_version: Some(FunctionVersion::All), ..Default::default() };
    let all = lambda.list_functions(request).await.expect("a page").functions;
    assert_eq!(all.expect("functions").len(), 3);

    let delete =
        |name: &str| DeleteFunctionRequest { function_name: name.into(), ..Default::default() };
    lambda.delete_function(delete("desk:1")).await.expect("a version goes");
    assert_eq!(listed(&cloud).await, ["$LATEST", "2"]);
    lambda.delete_function(delete("desk:1")).await.expect("it has gone already");
    let gone = lambda.get_function(get("desk:1")).await.expect_err("it has gone");
    assert_eq!(
        words(gone),
        "404 ResourceNotFoundException: Function not found: \
         arn:aws:lambda:ap-northeast-2:000000000000:function:desk:1"
    );
    // Numbers are not used again.
    lambda.delete_function(delete("desk:2")).await.expect("a version goes");
    assert_eq!(publish(&cloud).await.version.as_deref(), Some("3"));
    cloud.stop().await;
}

#[tokio::test]
async fn code_is_kept_for_versions() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    cloud.create(node("desk")).await;
    publish(&cloud).await;
    let update = UpdateFunctionCodeRequest {
        function_name: "desk".into(),
        zip_file: Some(package(&[("index.mjs", "export const handler = 2")])),
        publish: Some(true),
        ..Default::default()
    };
    let second = lambda.update_function_code(update).await.expect("it changes");
    assert_eq!(second.version.as_deref(), Some("2"));
    assert!(second.function_arn.expect("an ARN").ends_with(":desk:2"));
    let get = GetFunctionRequest { function_name: "desk:1".into(), ..Default::default() };
    let first = lambda.get_function(get).await.expect("there");
    let link = first.code.and_then(|code| code.location).expect("a link");
    let token = link.rsplit('/').next().expect("a token");
    cloud.downloads.package(token).await.expect("the old code is there");
    let delete = DeleteFunctionRequest { function_name: "desk".into(), ..Default::default() };
    lambda.delete_function(delete).await.expect("all goes");
    assert_eq!(cloud.downloads.package(token).await.expect_err("it is gone").status, 500);
    let left = cloud.ctx.store().read(|tx| {
        let tables = ["lambda/version", "lambda/alias", "lambda/code-user", "lambda/function"];
        let count = |name| {
            let table = store::Table::<serde_json::Value>::new(name);
            tx.scan(&table, store::Scan::all()).expect("readable").len()
        };
        tables.map(count)
    });
    assert_eq!(left, [0; 4]);
    cloud.stop().await;
}

#[tokio::test]
async fn publishing_is_refused() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    cloud.create(node("desk")).await;
    let mut request = PublishVersionRequest {
        function_name: "desk".into(),
        code_sha256: Some("other".into()),
        ..Default::default()
    };
    let fault = lambda.publish_version(request.clone()).await.expect_err("other code");
    assert!(
        fault.message.starts_with("CodeSHA256 (other) is different from current CodeSHA256"),
        "{fault}"
    );
    request.code_sha256 = None;
    request.revision_id = Some("old".into());
    let fault = lambda.publish_version(request).await.expect_err("an old revision");
    assert_eq!(fault.code, "PreconditionFailedException");
    cloud.stop().await;
}

#[tokio::test]
async fn aliases_live() {
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    cloud.create(node("desk")).await;
    publish(&cloud).await;
    change(&cloud, 9).await;
    publish(&cloud).await;
    let made = lambda.create_alias(alias("live", "1", &[("2", 0.25)])).await.expect("made");
    let arn = "arn:aws:lambda:ap-northeast-2:000000000000:function:desk:live";
    assert_eq!(made.alias_arn.as_deref(), Some(arn));
    let again = lambda.create_alias(alias("live", "1", &[])).await.expect_err("once only");
    assert_eq!(words(again), format!("409 ResourceConflictException: Alias already exists: {arn}"));
    for (request, expected) in [
        (
            alias("x", "7", &[]),
            "404 ResourceNotFoundException: Function not found: arn:aws:lambda:ap-northeast-2:000000000000:function:desk:7",
        ),
        (
            alias("x", "1", &[("7", 0.1)]),
            "404 ResourceNotFoundException: Function not found: arn:aws:lambda:ap-northeast-2:000000000000:function:desk:7",
        ),
        (
            alias("x", "1", &[("1", 0.1)]),
            "400 InvalidParameterValueException: Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        (
            alias("x", "$LATEST", &[("1", 0.1)]),
            "400 InvalidParameterValueException: $LATEST is not supported for an alias pointing to more than 1 version",
        ),
        (
            alias("x", "1", &[("1", 0.1), ("2", 0.2)]),
            "400 InvalidParameterValueException: Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            alias("12", "1", &[]),
            "400 ValidationException: 1 validation error detected: Value '12' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
        ),
    ] {
        let fault = lambda.create_alias(request).await.expect_err("it is refused");
        assert_eq!(words(fault), expected);
    }
    let found = GetFunctionConfigurationRequest {
        function_name: "desk".into(),
        qualifier: Some("live".into()),
    };
    let found = lambda.get_function_configuration(found).await.expect("found");
    assert_eq!((found.function_arn.as_deref(), found.version.as_deref()), (Some(arn), Some("1")));
    let delete =
        DeleteFunctionRequest { function_name: "desk".into(), qualifier: Some("2".into()) };
    let used = lambda.delete_function(delete).await.expect_err("it is used");
    assert_eq!(
        words(used),
        "409 ResourceConflictException: Unable to delete version because the following aliases reference it: [live]"
    );
    let mut update = UpdateAliasRequest {
        function_name: "desk".into(),
        name: "live".into(),
        function_version: Some("2".into()),
        routing_config: Some(AliasRoutingConfiguration {
            additional_version_weights: Some(BTreeMap::new()),
        }),
        revision_id: made.revision_id,
        ..Default::default()
    };
    let changed = lambda.update_alias(update.clone()).await.expect("it changes");
    assert_eq!(changed.function_version.as_deref(), Some("2"));
    assert!(changed.routing_config.is_none());
    let stale = lambda.update_alias(update.clone()).await.expect_err("an old revision");
    assert_eq!(stale.code, "PreconditionFailedException");
    update.revision_id = None;
    update.name = "nothing".into();
    let missing = lambda.update_alias(update).await.expect_err("it is not there");
    assert_eq!(
        words(missing),
        "404 ResourceNotFoundException: Alias not found: arn:aws:lambda:ap-northeast-2:000000000000:function:desk:nothing"
    );
    lambda.create_alias(alias("other", "1", &[])).await.expect("made");
    let list = |version: Option<&str>| ListAliasesRequest {
        function_name: "desk".into(),
        function_version: version.map(str::to_owned),
        ..Default::default()
    };
    let all = lambda.list_aliases(list(None)).await.expect("a list").aliases.expect("so");
    assert_eq!(all.len(), 2);
    let one = lambda.list_aliases(list(Some("1"))).await.expect("a list").aliases.expect("so");
    assert_eq!(one[0].name.as_deref(), Some("other"));
    let delete = DeleteAliasRequest { function_name: "desk".into(), name: "live".into() };
    lambda.delete_alias(delete.clone()).await.expect("it goes");
    lambda.delete_alias(delete).await.expect("it has gone");
    let get = GetAliasRequest { function_name: "desk".into(), name: "live".into() };
    let gone = lambda.get_alias(get).await.expect_err("it has gone");
    assert_eq!(words(gone), format!("404 ResourceNotFoundException: Cannot find alias arn: {arn}"));
    cloud.stop().await;
}

#[tokio::test]
async fn invocations_are_routed() {
    if !service_lambda::default_runtimes().join("nodejs20.x/runtime.json").exists() {
        eprintln!("SKIPPED: nodejs20.x is not installed; run ./gureum runtimes nodejs20.x");
        return;
    }
    let cloud = Cloud::start();
    let lambda = cloud.lambda();
    cloud.create(node("desk")).await;
    publish(&cloud).await;
    let variables = BTreeMap::from([("GREETING".to_owned(), "second".to_owned())]);
    let update = UpdateFunctionConfigurationRequest {
        function_name: "desk".into(),
        environment: Some(Environment { variables: Some(variables) }),
        ..Default::default()
    };
    lambda.update_function_configuration(update).await.expect("it changes");
    cloud.settled("desk").await;
    publish(&cloud).await;
    lambda.create_alias(alias("live", "1", &[("2", 0.5)])).await.expect("made");
    let first = cloud.invoke("desk:1", "{}").await;
    assert_eq!(first.executed_version.as_deref(), Some("1"));
    assert_eq!(text(&first), r#"["1","1","desk:1","안녕"]"#);
    let latest = cloud.invoke("desk", "{}").await;
    assert_eq!(text(&latest), r#"["$LATEST","$LATEST","desk","second"]"#);
    let mut seen = BTreeMap::new();
    for _ in 0..60 {
        let answer = cloud.invoke("desk:live", "{}").await;
        let version = answer.executed_version.clone().expect("a version");
        let greeting = if version == "1" { "안녕" } else { "second" };
        assert_eq!(text(&answer), format!(r#"["{version}","{version}","desk:live","{greeting}"]"#));
        *seen.entry(version).or_insert(0) += 1;
    }
    // One chance in 2⁵⁹ that all go the same way.
    assert_eq!(seen.len(), 2, "{seen:?}");
    cloud.stop().await;
}
