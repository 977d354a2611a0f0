//! `gureum local generate-event SERVICE EVENT [--OPTION VALUE …]`: events as services send them.
//!
//! `events.json` holds a body for each, with `{{option}}`, `{{option|base64}}`, `{{option|md5}}` and
//! `{{option|url}}` in its texts; `{"$gzip-base64": …}` stands for its content, packed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest as _, Md5};
use serde::Deserialize;
use serde_json::Value;

use crate::Failure;

const EVENTS: &str = include_str!("events.json");

/// One event.
#[derive(Deserialize)]
struct Event {
    about: String,
    /// Names and what they are if nobody says otherwise.
    options: BTreeMap<String, String>,
    body: Value,
}

type Services = BTreeMap<String, BTreeMap<String, Event>>;

/// Prints the event that the words name.
pub fn generate(words: &[String]) -> Result<(), Failure> {
    println!("{}", serde_json::to_string_pretty(&made(words)?)?);
    Ok(())
}

fn made(words: &[String]) -> Result<Value, Failure> {
    let services: Services = serde_json::from_str(EVENTS)?;
    let mut words = words.iter().map(String::as_str);
    let Some(service) = words.next() else {
        let mut text = String::from("which service, and which event?\n");
        for (service, events) in &services {
            // Text takes everything.
            let _ = writeln!(text, "  {service:<15} {}", joined(events.keys()));
        }
        return Err(Failure(text));
    };
    let events = services.get(service).ok_or_else(|| {
        Failure(format!(
            "there are no events of {service}; there are those of {}",
            joined(services.keys())
        ))
    })?;
    let event = words.next().and_then(|name| events.get(name)).ok_or_else(|| {
        let listed: Vec<String> =
            events.iter().map(|(name, event)| format!("\n  {name:<24} {}", event.about)).collect();
        Failure(format!("which event of {service}?{}", listed.concat()))
    })?;
    let mut options = event.options.clone();
    while let Some(word) = words.next() {
        let wrong = || {
            let names = event.options.keys().map(|name| format!("--{name}"));
            Failure(format!("{word:?} is no option of it; there are {}", joined(names)))
        };
        let option = word.strip_prefix("--").ok_or_else(wrong)?;
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, words.next()),
        };
        let option = options.get_mut(name).ok_or_else(wrong)?;
        *option = value.ok_or_else(|| Failure(format!("--{name} needs a value")))?.to_owned();
    }
    filled(&event.body, &options)
}

fn joined(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}

fn filled(value: &Value, options: &BTreeMap<String, String>) -> Result<Value, Failure> {
    Ok(match value {
        Value::String(text) => filled_text(text, options)?.into(),
        Value::Array(items) => {
            items.iter().map(|item| filled(item, options)).collect::<Result<Vec<_>, _>>()?.into()
        }
        Value::Object(map) => {
            if let Some(content) = map.get("$gzip-base64") {
                return Ok(BASE64.encode(packed(&filled(content, options)?.to_string())?).into());
            }
            let entries = map
                .iter()
                .map(|(key, value)| Ok((filled_text(key, options)?, filled(value, options)?)));
            Value::Object(entries.collect::<Result<_, Failure>>()?)
        }
        other => other.clone(),
    })
}

fn packed(text: &str) -> Result<Vec<u8>, Failure> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}

fn filled_text(text: &str, options: &BTreeMap<String, String>) -> Result<String, Failure> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let broken = || Failure(format!("events.json: {text:?}"));
        let (name, after) = after.split_once("}}").ok_or_else(broken)?;
        let (name, filter) =
            name.split_once('|').map_or((name, None), |(name, filter)| (name, Some(filter)));
        let value = options.get(name).ok_or_else(broken)?;
        out.push_str(before);
        out.push_str(&match filter {
            None => value.clone(),
            Some("base64") => BASE64.encode(value),
            Some("md5") => Md5::digest(value).iter().map(|byte| format!("{byte:02x}")).collect(),
            Some("url") => url(value),
            Some(_) => return Err(broken()),
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// As S3 writes keys in its events: percent signs, and `+` for a space.
fn url(text: &str) -> String {
    let one = |byte: u8| match byte {
        b' ' => "+".to_owned(),
        byte if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) => {
            char::from(byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(words: &str) -> Value {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        made(&words).unwrap_or_else(|Failure(why)| why.into())
    }

    #[test]
    fn every_event_can_be_made() {
        let services: Services = serde_json::from_str(EVENTS).expect("sound");
        for (service, events) in &services {
            for (name, found) in events {
                let made = event(&format!("{service} {name}"));
                assert!(
                    made.is_object() && !made.to_string().contains("{{"),
                    "{service} {name}: {made}"
                );
                for option in found.options.keys() {
                    assert!(event(&format!("{service} {name} --{option} changed")).is_object());
                }
            }
        }
    }

    #[test]
    fn options_and_filters() {
        let put = event("s3 put --bucket mine --key=a+b/ü");
        assert_eq!(put["Records"][0]["s3"]["bucket"]["arn"], "arn:aws:s3:::mine");
        assert_eq!(put["Records"][0]["s3"]["object"]["key"], "a%2Bb/%C3%BC");
        let message = event("sqs receive-message --body hello");
        assert_eq!(message["Records"][0]["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
        let topic = event("kafka managed --topic t");
        assert_eq!(topic["records"]["t-0"][0]["topic"], "t");
        assert_eq!(event("kinesis get-records --data hi")["Records"][0]["kinesis"]["data"], "aGk=");
        for (words, expected) in [
            (
                "s3 put --colour red",
                "\"--colour\" is no option of it; there are --account-id, --bucket, --key, --partition, --region",
            ),
            ("s3 put --key", "--key needs a value"),
        ] {
            assert_eq!(event(words), expected);
        }
        assert!(
            event("nobody")
                .as_str()
                .is_some_and(|why| why.contains("there are no events of nobody"))
        );
    }
}
