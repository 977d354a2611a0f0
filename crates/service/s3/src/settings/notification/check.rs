//! Reading and refusing notification configurations, with S3's texts.

use std::collections::BTreeSet;

use api_s3::{Event, NotificationConfiguration, NotificationConfigurationFilter};
use kernel::{Arn, Fault, Random};

use super::super::refusal::{invalid_argument, malformed_xml};
use super::{Destination, Kind, Notifications};

/// S3's limit.
const DESTINATIONS_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 1024;
/// What S3 says of every destination that cannot be used.
pub(crate) const UNUSABLE: &str = "Unable to validate the following destination configurations";

struct Raw {
    kind: Kind,
    id: Option<String>,
    arn: String,
    events: Vec<Event>,
    filter: Option<NotificationConfigurationFilter>,
}

impl Notifications {
    /// Checks a configuration, but not whether its destinations exist and may be used.
    pub fn from_api(input: NotificationConfiguration, random: &dyn Random) -> Result<Self, Fault> {
        let mut raw = Vec::new();
        for it in input.topic_configurations.unwrap_or_default() {
            let (kind, id, arn) = (Kind::Topic, it.id, it.topic_arn);
            raw.push(Raw { kind, id, arn, events: it.events, filter: it.filter });
        }
        for it in input.queue_configurations.unwrap_or_default() {
            let (kind, id, arn) = (Kind::Queue, it.id, it.queue_arn);
            raw.push(Raw { kind, id, arn, events: it.events, filter: it.filter });
        }
        for it in input.lambda_function_configurations.unwrap_or_default() {
            let (kind, id, arn) = (Kind::Function, it.id, it.lambda_function_arn);
            raw.push(Raw { kind, id, arn, events: it.events, filter: it.filter });
        }
        if raw.len() > DESTINATIONS_MAX {
            return Err(invalid_argument(
                "The number of notification configurations is limited to 100.",
            ));
        }
        let mut destinations = Vec::with_capacity(raw.len());
        let mut ids = BTreeSet::new();
        for raw in raw {
            let destination = Destination::from_raw(raw, random)?;
            if !ids.insert(destination.id.clone()) {
                return Err(invalid_argument(
                    "Same ID used for multiple configurations. IDs must be unique",
                ));
            }
            destinations.push(destination);
        }
        let event_bridge = input.event_bridge_configuration.is_some();
        let this = Self { destinations, event_bridge };
        this.check_overlaps()?;
        Ok(this)
    }

    /// An event goes to one destination only.
    fn check_overlaps(&self) -> Result<(), Fault> {
        for (at, one) in self.destinations.iter().enumerate() {
            for other in &self.destinations[at + 1..] {
                if one.overlaps(other) {
                    return Err(invalid_argument(
                        "Configurations overlap. Configurations on the same bucket cannot share a \
                         common event type.",
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Destination {
    fn from_raw(raw: Raw, random: &dyn Random) -> Result<Self, Fault> {
        if raw.events.is_empty() {
            return Err(malformed_xml());
        }
        if raw.events.iter().any(|event| matches!(event, Event::Unknown(_))) {
            return Err(invalid_argument("The event is not supported for notifications"));
        }
        let arn =
            Arn::parse(&raw.arn).map_err(|_| invalid_argument("The ARN could not be parsed"))?;
        let service = match raw.kind {
            Kind::Topic => "sns",
            Kind::Queue => "sqs",
            Kind::Function => "lambda",
        };
        // FIFO destinations are none of S3's.
        if arn.service != service || arn.resource.is_empty() || raw.arn.ends_with(".fifo") {
            return Err(invalid_argument(UNUSABLE));
        }
        let mut this = Self {
            id: raw.id.filter(|id| !id.is_empty()).unwrap_or_else(|| random.hex(18)),
            kind: raw.kind,
            arn: raw.arn,
            events: raw.events.iter().map(|event| event.as_str().to_owned()).collect(),
            prefix: None,
            suffix: None,
            rules: Vec::new(),
        };
        this.read_filter(raw.filter)?;
        Ok(this)
    }

    fn read_filter(
        &mut self,
        filter: Option<NotificationConfigurationFilter>,
    ) -> Result<(), Fault> {
        let rules = filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
        for rule in rules.unwrap_or_default() {
            let name = rule.name.unwrap_or_default();
            let value = rule.value.unwrap_or_default();
            if value.len() > VALUE_BYTES_MAX {
                return Err(invalid_argument(
                    "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation",
                ));
            }
            // Both spellings are in use, in either case.
            let place = match name.to_ascii_lowercase().as_str() {
                "prefix" => &mut self.prefix,
                "suffix" => &mut self.suffix,
                _ => {
                    return Err(invalid_argument(
                        "filter rule name must be either prefix or suffix",
                    ));
                }
            };
            if place.replace(value).is_some() {
                return Err(invalid_argument(format!(
                    "Cannot specify more than one {} rule in a filter.",
                    name.to_ascii_lowercase()
                )));
            }
            self.rules.push(name);
        }
        Ok(())
    }

    fn overlaps(&self, other: &Self) -> bool {
        let events = self.events.iter().any(|a| other.events.iter().any(|b| meet(a, b)));
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let (a, b) = (text(&self.prefix), text(&other.prefix));
        let prefixes = a.starts_with(&b) || b.starts_with(&a);
        let (a, b) = (text(&self.suffix), text(&other.suffix));
        let suffixes = a.ends_with(&b) || b.ends_with(&a);
        events && prefixes && suffixes
    }
}

/// Whether two event names, perhaps with an asterisk at the end, have an event in common.
fn meet(a: &str, b: &str) -> bool {
    match (a.strip_suffix('*'), b.strip_suffix('*')) {
        (Some(a), Some(b)) => a.starts_with(b) || b.starts_with(a),
        (Some(a), None) => b.starts_with(a),
        (None, Some(b)) => a.starts_with(b),
        (None, None) => a == b,
    }
}
