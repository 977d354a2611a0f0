//! Values of the legacy format that name an attribute by namespace.

/// `value` as it is written in the current format: a reference if it is in a namespace.
pub(super) fn reference(namespace: &str, value: &str) -> Result<String, String> {
    let root = match namespace {
        "" => return Ok(value.to_owned()),
        "System" => return system(value).map(str::to_owned),
        "User Defined" => "Attributes",
        "External" => "External",
        "Flow" => "FlowAttributes",
        "Lex" => "Lex",
        "Lex Slots" => "Lex.Slots",
        "Lex Attributes" => "Lex.SessionAttributes",
        "Queue Metrics" | "Metrics" => "Metrics.Queue",
        "Media Streams" => "Media",
        "Customer" => "Customer",
        "Case" | "Cases" => "Case",
        "Wisdom" => "Wisdom",
        other => return Err(format!("there is no namespace {other:?}")),
    };
    let plain = !value.is_empty()
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain {
        Ok(format!("$.{root}.{value}"))
    } else if value.contains('\'') {
        Err(format!("the attribute {value:?} has a quote in its name"))
    } else {
        Ok(format!("$.{root}['{value}']"))
    }
}

/// The reference for a system attribute's name in the console.
fn system(name: &str) -> Result<&'static str, String> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "stored customer input" => "$.StoredCustomerInput",
        "customer number" => "$.CustomerEndpoint.Address",
        "dialed number" => "$.SystemEndpoint.Address",
        "customer callback number" => "$.CustomerCallbackNumber",
        "contact id" => "$.ContactId",
        "initial contact id" => "$.InitialContactId",
        "previous contact id" => "$.PreviousContactId",
        "channel" => "$.Channel",
        "instance arn" => "$.InstanceARN",
        "initiation method" => "$.InitiationMethod",
        "queue name" => "$.Queue.Name",
        "queue arn" => "$.Queue.ARN",
        "text to speech voice" => "$.TextToSpeechVoiceId",
        "language" => "$.LanguageCode",
        "aws region" => "$.AwsRegion",
        _ => return Err(format!("there is no system attribute {name:?}")),
    })
}
