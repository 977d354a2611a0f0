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
/// Whom policies name in templates: the list, the word in operations, and their parameter.
const OWNERS: [(&str, (&str, &str)); 3] = [
    ("Groups", ("Group", "GroupName")),
    ("Roles", ("Role", "RoleName")),
    ("Users", ("User", "UserName")),
];
/// What a role is made with, beside its trust.
const OF_ROLES: &[&str] =
    &["Description", "MaxSessionDuration", "Path", "PermissionsBoundary", "Tags"];
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
    role(pass, name, &document.to_string(), Some(properties))?;
    for arn in properties.get("ManagedPolicyArns").map_or(&[][..], Node::items) {
        attach(pass, name, &arn.as_text().unwrap_or_default())?;
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
    let brought = ["AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies", "RoleName"];
    let brought = [&brought[..], OF_ROLES].concat();
    pass.leave_all_but(&format!("role {name}"), properties, &brought);
    Ok(())
}

/// `AWS::IAM::Policy`: a policy within each of those that it names.
pub fn inline(pass: &Pass<'_>, name: &str, properties: &Node) -> Result<(), Failure> {
    let document = properties.get("PolicyDocument").map(Node::to_json).unwrap_or_default();
    for (list, (kind, parameter)) in OWNERS {
        for owner in properties.get(list).map_or(&[][..], Node::items) {
            let owner = owner.as_text().unwrap_or_default();
            within(pass, (kind, parameter, &owner), name, &document)?;
        }
    }
    Ok(())
}

/// `AWS::IAM::ManagedPolicy`, attached to those that it names.
pub fn managed(pass: &Pass<'_>, id: &str, properties: &Node) -> Result<String, Failure> {
    let text = |key: &str| properties.get(key).and_then(Node::as_text);
    let document = properties.get("PolicyDocument").map(|node| node.to_json().to_string());
    let document = document.ok_or_else(|| Failure("it needs PolicyDocument".into()))?;
    let (name, arn) = (pass.name(id)?, managed_arn(pass, id, properties)?);
    pass.stack.know(id, &arn);
    let named = json!({ "PolicyArn": arn });
    if pass.found("iam", "GetPolicy", &named)?.is_none() {
        let mut input = json!({ "PolicyName": name, "PolicyDocument": document });
        for key in ["Description", "Path"] {
            if let Some(text) = text(key) {
                input[key] = text.into();
            }
        }
        pass.call("iam", "CreatePolicy", &input)?;
    } else if !pass.ledger.has_note(&format!("{arn} is {document}")) {
        next_version(pass, &arn, &document)?;
    }
    pass.ledger.note(&format!("{arn} is {document}"));
    pass.ledger.made(format!("policy {name}"), &[]);
    for (list, (kind, parameter)) in OWNERS {
        for owner in properties.get(list).map_or(&[][..], Node::items) {
            let owner = owner.as_text().unwrap_or_default();
            let input = json!({ *parameter: owner, "PolicyArn": arn });
            pass.call("iam", &format!("Attach{kind}Policy"), &input)?;
            let undo = ("iam", &*format!("Detach{kind}Policy"), input.clone());
            pass.ledger.made(format!("{owner}'s policy {name}"), &[undo]);
        }
    }
    let brought = ["Description", "ManagedPolicyName", "Path", "PolicyDocument"];
    let owners = OWNERS.map(|(list, _)| list);
    pass.leave_all_but(id, properties, &[&brought[..], &owners].concat());
    Ok(format!("policy {name}"))
}

/// The ARN of a policy of its own, which may have a path.
fn managed_arn(pass: &Pass<'_>, id: &str, properties: &Node) -> Result<String, Failure> {
    let path = properties.get("Path").and_then(Node::as_text).unwrap_or_else(|| "/".into());
    Ok(format!("arn:aws:iam::{}:policy{path}{}", pass.inputs.account, pass.name(id)?))
}

/// A policy keeps five versions.
fn next_version(pass: &Pass<'_>, arn: &str, document: &str) -> Result<(), Failure> {
    let listed = pass.call("iam", "ListPolicyVersions", &json!({ "PolicyArn": arn }))?;
    let all = listed["Versions"].as_array().cloned().unwrap_or_default();
    if all.len() >= 5
        && let Some(oldest) = all.iter().rfind(|one| one["IsDefaultVersion"] != true)
    {
        let input = json!({ "PolicyArn": arn, "VersionId": oldest["VersionId"] });
        pass.call("iam", "DeletePolicyVersion", &input)?;
    }
    let input = json!({ "PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": true });
    pass.call("iam", "CreatePolicyVersion", &input).map(drop)
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

fn role(pass: &Pass<'_>, name: &str, trust: &str, declared: Option<&Node>) -> Result<(), Failure> {
    pass.ledger.made(format!("role {name}"), &[]);
    if pass.found("iam", "GetRole", &json!({ "RoleName": name }))?.is_some() {
        let input = json!({ "RoleName": name, "PolicyDocument": trust });
        return pass.call("iam", "UpdateAssumeRolePolicy", &input).map(drop);
    }
    let mut input = json!({ "RoleName": name, "AssumeRolePolicyDocument": trust });
    for key in OF_ROLES {
        if let Some(node) = declared.and_then(|properties| properties.get(key)) {
            input[*key] = node.to_json();
        }
    }
    pass.call("iam", "CreateRole", &input).map(drop)
}

fn put(pass: &Pass<'_>, role: &str, name: &str, document: &Value) -> Result<(), Failure> {
    within(pass, ("Role", "RoleName", role), name, document)
}

/// A policy within a role, user or group.
fn within(
    pass: &Pass<'_>,
    (kind, parameter, owner): (&str, &str, &str),
    name: &str,
    document: &Value,
) -> Result<(), Failure> {
    let mut document = document.clone();
    if document.get("Version").is_none() {
        document["Version"] = "2012-10-17".into();
    }
    let gone = json!({ parameter: owner, "PolicyName": name });
    let mut input = gone.clone();
    input["PolicyDocument"] = document.to_string().into();
    pass.call("iam", &format!("Put{kind}Policy"), &input)?;
    let undo = ("iam", &*format!("Delete{kind}Policy"), gone);
    pass.ledger.made(format!("{owner}'s policy {name}"), &[undo]);
    Ok(())
}

/// Attaches what an ARN or the name of one of AWS's policies means.
fn attach(pass: &Pass<'_>, role: &str, named: &str) -> Result<(), Failure> {
    let whole = |path: &str| json!({ "RoleName": role, "PolicyArn": path });
    let attached = |arn: &str| {
        let undo = ("iam", "DetachRolePolicy", whole(arn));
        pass.ledger.made(format!("{role}'s policy {arn}"), &[undo]);
    };
    if named.starts_with("arn:") {
        pass.call("iam", "AttachRolePolicy", &whole(named))?;
        attached(named);
        return Ok(());
    }
    for path in ["", "service-role/"] {
        let arn = format!("arn:aws:iam::aws:policy/{path}{named}");
        if pass.found("iam", "AttachRolePolicy", &whole(&arn))?.is_some() {
            attached(&arn);
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
