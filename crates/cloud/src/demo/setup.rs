//! Deploys the example as a user would: every step is an AWS operation.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::Failure;
use crate::client::{Cloud, CloudError};

/// The account of the demo.
const ACCOUNT: &str = "000000000000";
/// The function that `flow.json` names.
const FUNCTION: &str = "flight-desk";
/// How long something may take to become active.
const ACTIVE_TIMEOUT: Duration = Duration::from_secs(60);
/// The slow desk's function waits so long …
const SLOW_DELAY_MS: u32 = 10_000;
/// … and is ended after so many seconds, before the flow's own limit of 8.
const SLOW_TIMEOUT_S: u32 = 2;

/// A language the function is written in.
pub struct Language {
    /// What reports call it.
    pub name: &'static str,
    runtime: &'static str,
    handler: &'static str,
    memory_mib: u32,
    /// What has been built, below the example's folder.
    built: &'static str,
}

/// The languages of the example.
pub const LANGUAGES: [Language; 2] = [
    Language {
        name: "typescript",
        runtime: "nodejs20.x",
        handler: "index.handler",
        memory_mib: 256,
        built: "typescript/dist/index.mjs",
    },
    Language {
        name: "java",
        runtime: "java17",
        handler: "cloud.gureum.flightdesk.FindBooking",
        memory_mib: 512,
        built: "java/target/flight-desk.zip",
    },
];

/// Telephone numbers by language and desk.
pub type Numbers = BTreeMap<(&'static str, &'static str), String>;

/// The desks: one works, one has a function that is too slow.
pub const DESKS: [&str; 2] = ["usual", "slow"];

/// Creates everything, telling `progress` each step.
pub fn deploy(
    cloud: &Cloud,
    example: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Numbers, Failure> {
    let archives = LANGUAGES.each_ref().map(|language| archive(example, language));
    progress("table FlightBookings");
    create_table(cloud, example)?;
    progress("role flight-desk");
    create_role(cloud, example)?;
    progress("Connect instance");
    let instance = create_instance(cloud)?;
    let flow = read(example, "flow.json")?;
    let mut numbers = Numbers::new();
    for (language, archive) in LANGUAGES.iter().zip(archives) {
        let archive = archive?;
        for desk in DESKS {
            let function = match desk {
                "slow" => format!("{FUNCTION}-{}-slow", language.name),
                _ => format!("{FUNCTION}-{}", language.name),
            };
            progress(&format!(
                "function {function} ({}, {} kB)",
                language.runtime,
                archive.len() / 1000
            ));
            let arn = create_function(cloud, &function, language, &archive, desk == "slow")?;
            let number = connect(cloud, &instance, &function, &arn, &flow)?;
            numbers.insert((language.name, desk), number);
        }
    }
    Ok(numbers)
}

fn read(example: &Path, name: &str) -> Result<String, Failure> {
    let file = example.join(name);
    fs::read_to_string(&file).map_err(|e| Failure::of(file.display(), e))
}

/// The deployment package of a language: what was built, zipped if it is not yet.
fn archive(example: &Path, language: &Language) -> Result<Vec<u8>, Failure> {
    let file = example.join(language.built);
    let built = fs::read(&file).map_err(|e| {
        Failure(format!(
            "{}: {e}; `./gureum demo` builds it, or see the example's README",
            file.display()
        ))
    })?;
    if file.extension().is_some_and(|extension| extension == "zip") {
        return Ok(built);
    }
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, SimpleFileOptions::default().unix_permissions(0o644))?;
    archive.write_all(&built)?;
    Ok(archive.finish()?.into_inner())
}

/// Calls an operation, and says which when it fails.
fn call(cloud: &Cloud, service: &str, operation: &str, input: &Value) -> Result<Value, Failure> {
    cloud.call(service, operation, input).map_err(|e| Failure::of(operation, e))
}

fn text(value: &Value, name: &str) -> Result<String, Failure> {
    let text = value[name].as_str();
    text.map(str::to_owned).ok_or_else(|| Failure(format!("an answer has no {name}: {value}")))
}

/// Asks again until `done` is satisfied.
fn until(
    what: &str,
    mut ask: impl FnMut() -> Result<Value, CloudError>,
    done: impl Fn(&Value) -> bool,
) -> Result<Value, Failure> {
    let pause = Duration::from_millis(20);
    let mut left = ACTIVE_TIMEOUT;
    loop {
        let answer = ask().map_err(|e| Failure::of(what, e))?;
        if done(&answer) {
            return Ok(answer);
        }
        if left.is_zero() {
            return Err(Failure(format!("{what} did not become active: {answer}")));
        }
        left = left.saturating_sub(pause);
        #[expect(clippy::disallowed_methods, reason = "a client of the cloud, not part of it")]
        std::thread::sleep(pause);
    }
}

fn create_table(cloud: &Cloud, example: &Path) -> Result<(), Failure> {
    let table: Value = serde_json::from_str(&read(example, "table.json")?)?;
    let rows: Value = serde_json::from_str(&read(example, "rows.json")?)?;
    call(cloud, "dynamodb", "CreateTable", &table)?;
    let name = json!({ "TableName": table["TableName"] });
    until(
        "the table",
        || cloud.call("dynamodb", "DescribeTable", &name),
        |answer| answer["Table"]["TableStatus"] == "ACTIVE",
    )?;
    let answer = call(cloud, "dynamodb", "BatchWriteItem", &json!({ "RequestItems": rows }))?;
    match answer["UnprocessedItems"].as_object().is_none_or(serde_json::Map::is_empty) {
        true => Ok(()),
        false => Err(Failure(format!("BatchWriteItem left items over: {answer}"))),
    }
}

/// The role that the functions run as: Lambda may assume it, and it opens the one table.
fn create_role(cloud: &Cloud, example: &Path) -> Result<(), Failure> {
    let trust = read(example, "trust.json")?;
    let role = json!({ "RoleName": FUNCTION, "AssumeRolePolicyDocument": trust });
    call(cloud, "iam", "CreateRole", &role)?;
    let document = read(example, "permissions.json")?;
    let policy =
        json!({ "RoleName": FUNCTION, "PolicyName": "bookings", "PolicyDocument": document });
    call(cloud, "iam", "PutRolePolicy", &policy)?;
    Ok(())
}

/// An active instance: id and ARN.
struct Instance {
    id: String,
    arn: String,
}

fn create_instance(cloud: &Cloud) -> Result<Instance, Failure> {
    let created = call(
        cloud,
        "connect",
        "CreateInstance",
        &json!({
            "IdentityManagementType": "CONNECT_MANAGED", "InstanceAlias": "flight-desk",
            "InboundCallsEnabled": true, "OutboundCallsEnabled": false,
        }),
    )?;
    let id = text(&created, "Id")?;
    let described = until(
        "the instance",
        || cloud.call("connect", "DescribeInstance", &json!({ "InstanceId": id })),
        |answer| answer["Instance"]["InstanceStatus"] == "ACTIVE",
    )?;
    Ok(Instance { arn: text(&described["Instance"], "Arn")?, id })
}

fn create_function(
    cloud: &Cloud,
    name: &str,
    language: &Language,
    archive: &[u8],
    slow: bool,
) -> Result<String, Failure> {
    let (delay_ms, timeout_s) = if slow { (SLOW_DELAY_MS, SLOW_TIMEOUT_S) } else { (0, 8) };
    let created = call(
        cloud,
        "lambda",
        "CreateFunction",
        &json!({
            "FunctionName": name,
            "Runtime": language.runtime,
            "Handler": language.handler,
            "Role": format!("arn:aws:iam::{ACCOUNT}:role/{FUNCTION}"),
            "MemorySize": language.memory_mib,
            "Timeout": timeout_s,
            "Environment": { "Variables": { "DELAY_MS": delay_ms.to_string() } },
            "Code": { "ZipFile": BASE64.encode(archive) },
        }),
    )?;
    until(
        name,
        || cloud.call("lambda", "GetFunctionConfiguration", &json!({ "FunctionName": name })),
        |answer| answer["State"] == "Active",
    )?;
    text(&created, "FunctionArn")
}

/// Gives a function a flow and the flow a telephone number.
fn connect(
    cloud: &Cloud,
    instance: &Instance,
    name: &str,
    arn: &str,
    flow: &str,
) -> Result<String, Failure> {
    let id = &instance.id;
    let associated = json!({ "InstanceId": id, "FunctionArn": arn });
    call(cloud, "connect", "AssociateLambdaFunction", &associated)?;
    let named = format!("arn:aws:lambda:{}:{ACCOUNT}:function:{FUNCTION}", cloud.region());
    let content = flow.replace(&format!("\"{named}\""), &format!("\"{arn}\""));
    if !content.contains(arn) {
        return Err(Failure(format!("flow.json does not name {named}")));
    }
    let created = call(
        cloud,
        "connect",
        "CreateContactFlow",
        &json!({ "InstanceId": id, "Name": name, "Type": "CONTACT_FLOW", "Content": content }),
    )?;
    let available = call(
        cloud,
        "connect",
        "SearchAvailablePhoneNumbers",
        &json!({
            "TargetArn": instance.arn, "PhoneNumberCountryCode": "KR", "PhoneNumberType": "DID",
            "MaxResults": 1,
        }),
    )?;
    let number = text(&available["AvailableNumbersList"][0], "PhoneNumber")?;
    let claimed = call(
        cloud,
        "connect",
        "ClaimPhoneNumber",
        &json!({ "TargetArn": instance.arn, "PhoneNumber": number }),
    )?;
    let associated = json!({
        "PhoneNumberId": text(&claimed, "PhoneNumberId")?, "InstanceId": id,
        "ContactFlowId": text(&created, "ContactFlowId")?,
    });
    call(cloud, "connect", "AssociatePhoneNumberContactFlow", &associated)?;
    Ok(number)
}
