//! What a sync does not bring, and why.

/// Why APIs stay behind.
pub const API: &str = "this cloud has no API Gateway yet; `gureum local start-api` serves it";
const TYPE: &str = "`gureum sync` does not bring this type";
/// Services of this cloud, as types name them.
const HERE: &[&str] = &["DynamoDB", "Events", "IAM", "KMS", "Lambda", "Logs", "S3", "SNS", "SQS"];

fn no(service: &str) -> String {
    format!("this cloud has no {service} yet")
}

/// Why a type of event stays behind.
pub fn event(kind: &str) -> String {
    no(match kind {
        "ScheduleV2" => "EventBridge Scheduler",
        "Kinesis" | "Cognito" => kind,
        "MSK" | "SelfManagedKafka" => "Kafka",
        "MQ" => "Amazon MQ",
        "DocumentDB" => "DocumentDB",
        "IoTRule" => "IoT",
        "AlexaSkill" => "Alexa",
        _ => return "its type is not known".into(),
    })
}

/// Why a type of resource stays behind.
pub fn resource(kind: &str) -> String {
    let service = kind.split("::").nth(1).unwrap_or(kind);
    match (kind, service) {
        ("AWS::Serverless::Api" | "AWS::Serverless::HttpApi", _)
        | (_, "ApiGateway" | "ApiGatewayV2") => API.into(),
        ("AWS::Serverless::WebSocketApi", _) => no("API Gateway"),
        ("AWS::Serverless::StateMachine", _) | (_, "StepFunctions") => no("Step Functions"),
        (_, "Scheduler") => no("EventBridge Scheduler"),
        (_, "Serverless") => TYPE.into(),
        (_, here) if HERE.contains(&here) || !kind.starts_with("AWS::") => TYPE.into(),
        (_, other) => no(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons() {
        assert_eq!(event("ScheduleV2"), "this cloud has no EventBridge Scheduler yet");
        assert_eq!(resource("AWS::Serverless::Api"), API);
        assert_eq!(resource("AWS::ApiGatewayV2::Route"), API);
        assert_eq!(resource("AWS::Events::Connection"), TYPE);
        assert_eq!(resource("AWS::CloudFront::Distribution"), "this cloud has no CloudFront yet");
        assert_eq!(resource("AWS::S3::AccessPoint"), TYPE);
        assert_eq!(resource("Custom::Thing"), TYPE);
    }
}
