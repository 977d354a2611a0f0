//! Roles of functions: the template's own, or one made of `Policies` as SAM does it.

use serde_json::{Value, json};
use template::Node;

use super::deploy::Pass;
use crate::Failure;

/// SAM's policy templates: name, parameters of its resources, actions. In a resource `{}` is the value of
/// the parameter, `{r}` region and account.
#[rustfmt::skip]
const TEMPLATES: &[(&str, &str, &[&str], &[&str])] = &[
    ("DynamoDBCrudPolicy", "TableName",
     &["arn:aws:dynamodb:{r}:table/{}", "arn:aws:dynamodb:{r}:table/{}/index/*"],
     &["dynamodb:GetItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:Scan", "dynamodb:Query",
       "dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:BatchGetItem",
       "dynamodb:DescribeTable", "dynamodb:ConditionCheckItem"]),
    ("DynamoDBReadPolicy", "TableName",
     &["arn:aws:dynamodb:{r}:table/{}", "arn:aws:dynamodb:{r}:table/{}/index/*"],
     &["dynamodb:GetItem", "dynamodb:Scan", "dynamodb:Query", "dynamodb:BatchGetItem",
       "dynamodb:DescribeTable"]),
    ("DynamoDBWritePolicy", "TableName",
     &["arn:aws:dynamodb:{r}:table/{}", "arn:aws:dynamodb:{r}:table/{}/index/*"],
     &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"]),
    ("SQSSendMessagePolicy", "QueueName", &["arn:aws:sqs:{r}:{}"], &["sqs:SendMessage*"]),
    ("SQSPollerPolicy", "QueueName", &["arn:aws:sqs:{r}:{}"],
     &["sqs:ChangeMessageVisibility", "sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessage",
       "sqs:DeleteMessageBatch", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]),
    ("SNSPublishMessagePolicy", "TopicName", &["arn:aws:sns:{r}:{}"], &["sns:Publish"]),
    ("S3ReadPolicy", "BucketName", &["arn:aws:s3:::{}", "arn:aws:s3:::{}/*"],
     &["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion",
       "s3:GetLifecycleConfiguration"]),
    ("S3WritePolicy", "BucketName", &["arn:aws:s3:::{}", "arn:aws:s3:::{}/*"],
     &["s3:PutObject", "s3:PutObjectAcl", "s3:PutLifecycleConfiguration"]),
    ("S3CrudPolicy", "BucketName", &["arn:aws:s3:::{}", "arn:aws:s3:::{}/*"],
     &["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:GetObjectVersion", "s3:PutObject",
       "s3:PutObjectAcl", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration",
       "s3:DeleteObject"]),
    ("LambdaInvokePolicy", "FunctionName", &["arn:aws:lambda:{r}:function:{}*"],
     &["lambda:InvokeFunction"]),
    ("EventBridgePutEventsPolicy", "EventBusName", &["arn:aws:events:{r}:event-bus/{}"],
     &["events:PutEvents"]),
    ("KMSDecryptPolicy", "KeyId", &["arn:aws:kms:{r}:key/{}"], &["kms:Decrypt"]),
    ("KMSEncryptPolicy", "KeyId", &["arn:aws:kms:{r}:key/{}"], &["kms:Encrypt"]),
];
/// What the role of a function with a source of events needs beside.
#[rustfmt::skip]
const OF_EVENTS: &[(&str, &str)] = &[
    ("SQS", "service-role/AWSLambdaSQSQueueExecutionRole"),
    ("DynamoDB", "service-role/AWSLambdaDynamoDBExecutionRole"),
];
const BASIC: &str = "service-role/AWSLambdaBasicExecutionRole";

fn trust() -> String {
    let lambda = json!({ "Service": ["lambda.amazonaws.com"] });
    let statement =
        json!([{ "Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": lambda }]);
    json!({ "Version": "2012-10-17", "Statement": statement }).to_string()
}

/// A role that the template declares.
pub fn declared_role(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<(), Failure> {
    let document = properties.get("AssumeRolePolicyDocument").map(Node::to_json);
    let document = document
        .ok_or_else(|| Failure(format!("the role {name} needs AssumeRolePolicyDocument")))?;
    role(pass, name, &document.to_string(), properties.get("Path").and_then(Node::as_text))?;
    for arn in properties.get("ManagedPolicyArns").map_or(&[][..], Node::items) {
        let arn = arn.as_text().unwrap_or_default();
        let input = json!({ "RoleName": name, "PolicyArn": arn });
        pass.call("iam", "AttachRolePolicy", &input)?;
    }
    for policy in properties.get("Policies").map_or(&[][..], Node::items) {
        let policy = policy.to_json();
        put(
            pass,
            name,
            policy["PolicyName"].as_str().unwrap_or("policy"),
            &policy["PolicyDocument"],
        )?;
    }
    Ok(())
}

/// The ARN of the role that a function runs as.
pub fn role_of(
    pass: &Pass<'_>,
    function: &str,
    id: &str,
    properties: &Node,
) -> Result<String, Failure> {
    if let Some(arn) = properties.get("Role").and_then(Node::as_text) {
        return Ok(arn);
    }
    let name = format!("{function}Role");
    role(pass, &name, &trust(), None)?;
    attach(pass, &name, BASIC)?;
    for (_, event) in properties.get("Events").map_or(&[][..], Node::entries) {
        let kind = event.get("Type").and_then(Node::as_text).unwrap_or_default();
        if let Some((_, managed)) = OF_EVENTS.iter().find(|(of, _)| *of == kind) {
            attach(pass, &name, managed)?;
        }
    }
    let policies = properties.get("Policies");
    let list = match policies.map(Node::items) {
        Some([]) | None => policies.into_iter().collect::<Vec<_>>(),
        Some(all) => all.iter().collect(),
    };
    for (place, policy) in list.into_iter().enumerate() {
        let named = format!("{name}Policy{place}");
        match policy.as_text() {
            Some(managed) => attach(pass, &name, &managed)?,
            None if policy.get("Statement").is_some() => {
                put(pass, &name, &named, &policy.to_json())?;
            }
            None => put(pass, &name, &named, &from_template(pass, id, policy)?)?,
        }
    }
    let targets = targets(properties);
    if !targets.is_empty() {
        let statement: Vec<Value> = targets
            .iter()
            .map(|(action, arn)| json!({ "Effect": "Allow", "Action": action, "Resource": arn }))
            .collect();
        let document = json!({ "Version": "2012-10-17", "Statement": statement });
        put(pass, &name, &format!("{name}Targets"), &document)?;
    }
    Ok(format!("arn:aws:iam::{}:role/{name}", pass.inputs.account))
}

/// Where Lambda sends what it could not, or could, do in the function's name: action and ARN.
fn targets(properties: &Node) -> Vec<(&'static str, String)> {
    let paths: [&[&str]; 3] = [
        &["DeadLetterQueue", "TargetArn"],
        &["EventInvokeConfig", "DestinationConfig", "OnSuccess", "Destination"],
        &["EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination"],
    ];
    let arns = paths.iter().filter_map(|path| properties.find(path)?.as_text());
    let action = |arn: &String| match arn.split(':').nth(2)? {
        "sqs" => Some("sqs:SendMessage"),
        "sns" => Some("sns:Publish"),
        "lambda" => Some("lambda:InvokeFunction"),
        "events" => Some("events:PutEvents"),
        _ => None,
    };
    arns.filter_map(|arn| Some((action(&arn)?, arn))).collect()
}

fn role(pass: &Pass<'_>, name: &str, trust: &str, path: Option<String>) -> Result<(), Failure> {
    if pass.found("iam", "GetRole", &json!({ "RoleName": name }))?.is_some() {
        let input = json!({ "RoleName": name, "PolicyDocument": trust });
        return pass.call("iam", "UpdateAssumeRolePolicy", &input).map(drop);
    }
    let mut input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust });
    if let Some(path) = path {
        input["Path"] = path.into();
    }
    pass.call("iam", "CreateRole", &input).map(drop)
}

fn put(pass: &Pass<'_>, role: &str, name: &str, document: &Value) -> Result<(), Failure> {
    let mut document = document.clone();
    if document.get("Version").is_none() {
        document["Version"] = "2012-10-17".into();
    }
    let input =
        json!({ "RoleName": role, "PolicyName": name, "PolicyDocument": document.to_string() });
    pass.call("iam", "PutRolePolicy", &input).map(drop)
}

/// Attaches what an ARN or the name of one of AWS's policies means.
fn attach(pass: &Pass<'_>, role: &str, named: &str) -> Result<(), Failure> {
    let whole = |path: &str| json!({ "RoleName": role, "PolicyArn": path });
    if named.starts_with("arn:") {
        return pass.call("iam", "AttachRolePolicy", &whole(named)).map(drop);
    }
    for path in ["", "service-role/"] {
        let arn = format!("arn:aws:iam::aws:policy/{path}{named}");
        if pass.found("iam", "AttachRolePolicy", &whole(&arn))?.is_some() {
            return Ok(());
        }
    }
    Err(Failure(format!("{role}: AWS has no policy {named}")))
}

/// One of SAM's policy templates, filled.
fn from_template(pass: &Pass<'_>, id: &str, policy: &Node) -> Result<Value, Failure> {
    let names: Vec<&str> = TEMPLATES.iter().map(|(name, ..)| *name).collect();
    let unknown = |what: &str| {
        Failure(format!(
            "{id}: the policy {what} is not known here; write its Statement, or use one of {}",
            names.join(", ")
        ))
    };
    let (key, parameters) = policy.entries().first().ok_or_else(|| unknown("without a name"))?;
    let found = TEMPLATES.iter().find(|(name, ..)| *name == key.text);
    let (_, parameter, resources, actions) = found.ok_or_else(|| unknown(&key.text))?;
    let value = parameters.get(parameter).and_then(Node::as_text);
    let value = value.ok_or_else(|| Failure(format!("{id}: {} needs {parameter}", key.text)))?;
    Ok(filled(
        resources,
        actions,
        &value,
        &format!("{}:{}", pass.cloud.region(), pass.inputs.account),
    ))
}

fn filled(resources: &[&str], actions: &[&str], value: &str, place: &str) -> Value {
    let resources: Vec<String> =
        resources.iter().map(|one| one.replace("{r}", place).replace("{}", value)).collect();
    let statement = json!([{ "Effect": "Allow", "Action": actions, "Resource": resources }]);
    json!({ "Version": "2012-10-17", "Statement": statement })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_templates() {
        let (_, _, resources, actions) = TEMPLATES[0];
        let made = filled(resources, actions, "t", "us-east-1:000000000000");
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
        assert_eq!(made["Statement"][0]["Resource"], json!([arn, format!("{arn}/index/*")]));
        assert_eq!(made["Statement"][0]["Action"][0], "dynamodb:GetItem");
    }
}
