//! What is read of a SAML provider's metadata.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 64;

/// Metadata of an identity provider (SAML 2.0 metadata, section 2).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// `entityID`, the issuer of its assertions.
    pub entity_id: String,
    /// Certificates that sign, base 64 of DER.
    pub certificates: Vec<String>,
    /// `validUntil`, as it is written.
    pub valid_until: Option<String>,
}

/// Reads metadata; `None` is what is no metadata of an identity provider.
pub(crate) fn metadata(text: &str) -> Option<Metadata> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0usize;
    let mut found =
        Metadata { entity_id: String::new(), certificates: Vec::new(), valid_until: None };
    let (mut in_provider, mut in_certificate) = (false, false);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                depth += 1;
                let name = start.local_name();
                match (depth, name.as_ref()) {
                    (1, "EntityDescriptor") => {
                        found.entity_id = attribute(&start, "entityID")?;
                        found.valid_until = attribute(&start, "validUntil");
                    }
                    (1, _) => return None,
                    (_, "IDPSSODescriptor") => in_provider = true,
                    (_, "X509Certificate") if in_provider => {
                        in_certificate = true;
                        found.certificates.push(String::new());
                    }
                    _ => {}
                }
                if depth > DEPTH_MAX {
                    return None;
                }
            }
            Event::Text(text) if in_certificate => {
                let digits = text.chars().filter(|c| !c.is_whitespace());
                found.certificates.last_mut()?.extend(digits);
            }
            Event::End(end) => {
                depth = depth.checked_sub(1)?;
                match end.local_name().as_ref() {
                    "IDPSSODescriptor" => in_provider = false,
                    "X509Certificate" => in_certificate = false,
                    _ => {}
                }
            }
            // Entities of a document type could grow without bound: none is read.
            Event::DocType(_) => return None,
            Event::Eof => break,
            _ => {}
        }
    }
    let whole = depth == 0 && !found.entity_id.is_empty() && !found.certificates.is_empty();
    whole.then_some(found)
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = start.attributes().flatten().find(|a| a.key.as_ref() == name)?;
    Some(attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"<?xml version="1.0"?><md:EntityDescriptor xmlns:md="m" entityID="https://idp.example"
        validUntil="2030-01-01T00:00:00Z"><md:IDPSSODescriptor><md:KeyDescriptor use="signing">
        <ds:KeyInfo xmlns:ds="d"><ds:X509Data><ds:X509Certificate>AA
        BB</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor></md:IDPSSODescriptor>
        </md:EntityDescriptor>"#;

    #[test]
    fn metadata_is_read() {
        let found = metadata(GOOD).unwrap();
        assert_eq!(found.entity_id, "https://idp.example");
        assert_eq!(found.certificates, ["AABB"]);
        assert_eq!(found.valid_until.as_deref(), Some("2030-01-01T00:00:00Z"));
    }

    #[test]
    fn other_things_are_refused() {
        for bad in ["", "x", "<a/>", "<a><b></a>", &GOOD.replace("IDPSSO", "SPSSO")] {
            assert_eq!(metadata(bad), None, "{bad}");
        }
        assert_eq!(metadata(&format!("<!DOCTYPE x [<!ENTITY a 'b'>]>{GOOD}")), None);
        assert_eq!(metadata(&"<a>".repeat(100_000)), None);
    }
}
