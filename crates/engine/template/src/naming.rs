//! What `Ref` and `Fn::GetAtt` answer for a resource that nobody has made yet.
//!
//! A name that the template gives is used, else the logical id. ARNs have the usual forms.

use crate::evaluate::Inputs;
use crate::node::Node;

/// The property that names a resource of a type.
pub(crate) fn property(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => {
            "TableName"
        }
        "AWS::Lambda::Function" | "AWS::Serverless::Function" => "FunctionName",
        "AWS::Lambda::LayerVersion" | "AWS::Serverless::LayerVersion" => "LayerName",
        "AWS::S3::Bucket" => "BucketName",
        "AWS::SQS::Queue" => "QueueName",
        "AWS::SNS::Topic" => "TopicName",
        "AWS::IAM::Role" => "RoleName",
        "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
        "AWS::KMS::Alias" => "AliasName",
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::Kinesis::Stream" | "AWS::Events::EventBus" | "AWS::Events::Rule" => "Name",
        "AWS::StepFunctions::StateMachine" => "StateMachineName",
        _ => return None,
    })
}

/// The name of a resource that the template does not name.
pub(crate) fn generated(
    kind: &str,
    id: &str,
    properties: Option<&Node>,
    inputs: &Inputs,
) -> String {
    let name = format!("{}{id}", inputs.prefix);
    let is = |key: &str| properties.and_then(|node| node.get(key)?.as_bool()) == Some(true);
    match kind {
        // Names of buckets have no capitals.
        "AWS::S3::Bucket" => name.to_lowercase(),
        "AWS::SQS::Queue" if is("FifoQueue") => format!("{name}.fifo"),
        "AWS::SNS::Topic" if is("FifoTopic") => format!("{name}.fifo"),
        _ => name,
    }
}

/// What `Ref` answers.
pub(crate) fn reference(kind: &str, name: &str, inputs: &Inputs) -> String {
    match kind {
        "AWS::SQS::Queue" => {
            let Inputs { region, account, .. } = inputs;
            format!("https://sqs.{region}.amazonaws.com/{account}/{name}")
        }
        "AWS::SNS::Topic" | "AWS::StepFunctions::StateMachine" => {
            arn(kind, name, inputs).unwrap_or_else(|| name.to_owned())
        }
        _ => name.to_owned(),
    }
}

/// What `Ref` answers without anybody declaring it.
pub(crate) const PSEUDO: &[&str] = &[
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];
/// All attributes that [`attribute`] knows of some type.
const ATTRIBUTES: &[&str] =
    &["Arn", "DomainName", "QueueName", "QueueUrl", "StreamArn", "TopicArn", "TopicName"];

/// The attributes that a type has, as far as they are known.
pub(crate) fn attributes(kind: &str) -> impl Iterator<Item = &'static str> {
    let inputs = Inputs::new("", "", "");
    let has = move |name: &&&str| attribute(kind, "", name, &inputs).is_some();
    ATTRIBUTES.iter().filter(has).copied()
}

/// What `Fn::GetAtt` answers, as far as it can be known.
pub(crate) fn attribute(
    kind: &str,
    name: &str,
    attribute: &str,
    inputs: &Inputs,
) -> Option<String> {
    match (kind, attribute) {
        (_, "Arn" | "TopicArn") => arn(kind, name, inputs),
        ("AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable", "StreamArn") => {
            Some(format!("{}/stream/1970-01-01T00:00:00.000", arn(kind, name, inputs)?))
        }
        ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => {
            Some(name.to_owned())
        }
        ("AWS::SQS::Queue", "QueueUrl") => Some(reference(kind, name, inputs)),
        ("AWS::S3::Bucket", "DomainName") => Some(format!("{name}.s3.amazonaws.com")),
        _ => None,
    }
}

fn arn(kind: &str, name: &str, inputs: &Inputs) -> Option<String> {
    let Inputs { region, account, partition, .. } = inputs;
    let regional = |service: &str, resource: &str| {
        format!("arn:{partition}:{service}:{region}:{account}:{resource}{name}")
    };
    Some(match kind {
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => {
            regional("dynamodb", "table/")
        }
        "AWS::Lambda::Function" | "AWS::Serverless::Function" => regional("lambda", "function:"),
        "AWS::Lambda::LayerVersion" | "AWS::Serverless::LayerVersion" => {
            regional("lambda", "layer:")
        }
        "AWS::S3::Bucket" => format!("arn:{partition}:s3:::{name}"),
        "AWS::SQS::Queue" => regional("sqs", ""),
        "AWS::SNS::Topic" => regional("sns", ""),
        "AWS::IAM::Role" => format!("arn:{partition}:iam::{account}:role/{name}"),
        "AWS::Logs::LogGroup" => format!("{}:*", regional("logs", "log-group:")),
        "AWS::Kinesis::Stream" => regional("kinesis", "stream/"),
        "AWS::Events::EventBus" => regional("events", "event-bus/"),
        "AWS::Events::Rule" => regional("events", "rule/"),
        "AWS::StepFunctions::StateMachine" | "AWS::Serverless::StateMachine" => {
            regional("states", "stateMachine:")
        }
        "AWS::KMS::Key" => regional("kms", "key/"),
        _ => return None,
    })
}

/// A rule as its ARN names it, with its bus (named, or by ARN) where that is not the default one.
pub(crate) fn on_bus(bus: &str, rule: &str) -> String {
    match bus.rsplit_once(":event-bus/").map_or(bus, |(_, name)| name) {
        "" | "default" => rule.to_owned(),
        bus => format!("{bus}/{rule}"),
    }
}

/// What was probably meant by a name that nothing has: the nearest of those that are there, if it is near.
pub(crate) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    /// Longer names are not compared: the work grows with the product of both lengths.
    const LENGTH_MAX: usize = 255;
    let near = name.len().div_ceil(4).min(3);
    let distances = known
        .filter(|other| other.len() <= LENGTH_MAX && name.len() <= LENGTH_MAX)
        .map(|other| (distance(name, other), other))
        .filter(|(distance, _)| *distance <= near);
    match distances.min() {
        Some((_, other)) => format!("; {other} is meant?"),
        None => String::new(),
    }
}

/// How many letters have to be put in, left out or replaced to make one of the other, whatever their case.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<u8> = other.bytes().map(|byte| byte.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.bytes().enumerate() {
        let mut before = std::mem::replace(&mut row[0], place + 1);
        for (column, wanted) in other.iter().enumerate() {
            let replaced = before + usize::from(letter.to_ascii_lowercase() != *wanted);
            before = row[column + 1];
            row[column + 1] = replaced.min(before + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_on_buses() {
        assert_eq!(on_bus("default", "r"), "r");
        assert_eq!(on_bus("desk", "r"), "desk/r");
        assert_eq!(on_bus("arn:aws:events:us-east-1:000000000000:event-bus/desk", "r"), "desk/r");
    }

    #[test]
    fn what_is_meant() {
        let known = || ["Table", "Queue", "BucketOfNotes"].into_iter();
        let check = |name: &str, expected: &str| assert_eq!(meant(name, known()), expected);
        check("Tabel", "; Table is meant?");
        check("queue", "; Queue is meant?");
        check("BucketOfNote", "; BucketOfNotes is meant?");
        check("Topic", "");
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
