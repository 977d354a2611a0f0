//! What `Ref` and `Fn::GetAtt` answer for a resource that nobody has made yet.
//!
//! A name that the template gives is used, else the logical id. ARNs have the usual forms.

use crate::evaluate::Inputs;

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
        "AWS::Logs::LogGroup" => "LogGroupName",
        "AWS::Kinesis::Stream" | "AWS::Events::EventBus" | "AWS::Events::Rule" => "Name",
        "AWS::StepFunctions::StateMachine" => "StateMachineName",
        _ => return None,
    })
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
