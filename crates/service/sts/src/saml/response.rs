//! What a verified response says of its bearer.

use std::fmt;

use kernel::Timestamp;
use shape::TimeFormat;

use super::dsig::is_signed;
use super::metadata::Metadata;
use super::xml::Document;

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
/// The audiences that AWS takes.
const AUDIENCES: [&str; 2] = ["https://signin.aws.amazon.com/saml", "urn:amazon:webservices"];
/// An assertion must be redeemed within five minutes.
const AGE_MAX_MS: i64 = 300_000;
/// How far the clocks may differ, in milliseconds.
const SKEW_MS: i64 = 60_000;

/// Why a response is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SamlError {
    /// Not a response with one assertion, or one that lacks what it must have.
    Invalid,
    Signature,
    /// The provider says no.
    Status,
    /// Another provider's.
    Issuer,
    Audience,
    Recipient,
    /// Too old, or past its time.
    Expired,
    NotYet,
}

impl fmt::Display for SamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SamlError::Invalid => "Your request included an invalid SAML response.",
            SamlError::Signature => "Response signature invalid",
            SamlError::Status => "The identity provider reported an error",
            SamlError::Issuer => "Issuer not present in specified provider",
            SamlError::Audience => "Response does not contain the required audience.",
            SamlError::Recipient => "Response does not contain a valid recipient",
            SamlError::Expired => "Token must be redeemed within 5 minutes of issuance",
            SamlError::NotYet => "Token is not yet valid",
        })
    }
}

/// What an assertion says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Assertion {
    pub issuer: String,
    pub subject: String,
    /// `persistent`, `transient`, or the whole name of another format.
    pub subject_type: String,
    pub recipient: String,
    /// `SessionNotOnOrAfter`, milliseconds since 1970.
    pub session_ends_ms: Option<i64>,
    /// AWS's attributes without their common beginning, with their values.
    attributes: Vec<(String, Vec<String>)>,
}

impl Assertion {
    /// The values of one of AWS's attributes: `Role`, `RoleSessionName`, …
    pub fn values(&self, name: &str) -> &[String] {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map_or(&[], |(_, values)| values)
    }

    /// The value of an attribute that has one.
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.values(name) {
            [one] => Some(one),
            _ => None,
        }
    }

    /// `PrincipalTag:KEY` attributes.
    pub fn tags(&self) -> Vec<(String, String)> {
        let tag = |(name, values): &(String, Vec<String>)| match values.as_slice() {
            [value] => Some((name.strip_prefix("PrincipalTag:")?.to_owned(), value.clone())),
            _ => None,
        };
        self.attributes.iter().filter_map(tag).collect()
    }

    /// Whether the bearer may have this role by this provider: pairs of ARNs in any order.
    pub fn offers(&self, role: &str, provider: &str) -> bool {
        self.values("Role").iter().any(|pair| match pair.split_once(',') {
            Some((a, b)) => {
                let (a, b) = (a.trim(), b.trim());
                (a, b) == (role, provider) || (b, a) == (role, provider)
            }
            None => false,
        })
    }
}

/// Reads and verifies a response of the provider with this metadata.
pub(crate) fn read(xml: &str, provider: &Metadata, now_ms: i64) -> Result<Assertion, SamlError> {
    let invalid = SamlError::Invalid;
    let document = Document::parse(xml).map_err(|_| invalid)?;
    if !document.is(0, PROTOCOL, "Response") {
        return Err(invalid);
    }
    let code = document
        .only(0, PROTOCOL, "Status")
        .and_then(|status| document.only(status, PROTOCOL, "StatusCode"))
        .and_then(|code| document.attribute(code, "Value"));
    if code != Some(SUCCESS) {
        return Err(SamlError::Status);
    }
    let at = document.only(0, ASSERTION, "Assertion").ok_or(invalid)?;
    // All that follows is read from this very element: either it is signed, or what holds it is.
    let (of_assertion, of_response) =
        (is_signed(&document, at, &provider.keys), is_signed(&document, 0, &provider.keys));
    if !of_assertion && !of_response {
        return Err(SamlError::Signature);
    }
    let issuer = document.only(at, ASSERTION, "Issuer").and_then(|issuer| document.text(issuer));
    let issuer = issuer.ok_or(invalid)?;
    if issuer != provider.entity {
        return Err(SamlError::Issuer);
    }
    check_conditions(&document, at, now_ms)?;
    let subject = document.only(at, ASSERTION, "Subject").ok_or(invalid)?;
    let recipient = recipient(&document, subject, now_ms)?;
    let name = document.only(subject, ASSERTION, "NameID").ok_or(invalid)?;
    let format = document.attribute(name, "Format").unwrap_or_default();
    let session_ends_ms = document
        .children(at, ASSERTION, "AuthnStatement")
        .filter_map(|statement| document.attribute(statement, "SessionNotOnOrAfter"))
        .map(instant)
        .collect::<Option<Vec<_>>>()
        .ok_or(invalid)?
        .into_iter()
        .min();
    if session_ends_ms.is_some_and(|ends_ms| ends_ms <= now_ms) {
        return Err(SamlError::Expired);
    }
    Ok(Assertion {
        issuer,
        subject: document.text(name).filter(|name| !name.is_empty()).ok_or(invalid)?,
        subject_type: format.strip_prefix(FORMAT).unwrap_or(format).to_owned(),
        recipient,
        session_ends_ms,
        attributes: attributes(&document, at)?,
    })
}

fn check_conditions(document: &Document, at: usize, now_ms: i64) -> Result<(), SamlError> {
    let invalid = SamlError::Invalid;
    let issued = document.attribute(at, "IssueInstant").and_then(instant).ok_or(invalid)?;
    if issued + AGE_MAX_MS <= now_ms {
        return Err(SamlError::Expired);
    }
    if issued > now_ms + SKEW_MS {
        return Err(SamlError::NotYet);
    }
    let conditions = document.only(at, ASSERTION, "Conditions").ok_or(SamlError::Audience)?;
    check_window(document, conditions, now_ms)?;
    // Every restriction must name us.
    let mut restrictions =
        document.children(conditions, ASSERTION, "AudienceRestriction").peekable();
    restrictions.peek().ok_or(SamlError::Audience)?;
    for restriction in restrictions {
        let mut audiences = document.children(restriction, ASSERTION, "Audience");
        let is_ours = |audience: usize| {
            document.text(audience).is_some_and(|text| AUDIENCES.contains(&text.as_str()))
        };
        if !audiences.any(is_ours) {
            return Err(SamlError::Audience);
        }
    }
    Ok(())
}

/// `NotBefore` and `NotOnOrAfter`.
fn check_window(document: &Document, at: usize, now_ms: i64) -> Result<(), SamlError> {
    let read = |name: &str| match document.attribute(at, name) {
        Some(text) => instant(text).map(Some).ok_or(SamlError::Invalid),
        None => Ok(None),
    };
    if read("NotBefore")?.is_some_and(|from_ms| from_ms > now_ms + SKEW_MS) {
        return Err(SamlError::NotYet);
    }
    match read("NotOnOrAfter")?.is_some_and(|until_ms| until_ms <= now_ms) {
        true => Err(SamlError::Expired),
        false => Ok(()),
    }
}

/// Where a bearer may show it: AWS's sign-in pages, the global or a region's.
fn recipient(document: &Document, subject: usize, now_ms: i64) -> Result<String, SamlError> {
    let mut reason = SamlError::Recipient;
    for confirmation in document.children(subject, ASSERTION, "SubjectConfirmation") {
        if document.attribute(confirmation, "Method") != Some(BEARER) {
            continue;
        }
        let data = document.only(confirmation, ASSERTION, "SubjectConfirmationData");
        let Some(data) = data else { continue };
        let recipient = document.attribute(data, "Recipient").unwrap_or_default();
        let is_ours = is_sign_in(recipient);
        // A confirmation that never ends would confirm nothing.
        let has_end = document.attribute(data, "NotOnOrAfter").is_some();
        match check_window(document, data, now_ms) {
            Ok(()) if is_ours && has_end => return Ok(recipient.to_owned()),
            Err(error) if is_ours => reason = error,
            _ => {}
        }
    }
    Err(reason)
}

fn is_sign_in(address: &str) -> bool {
    let Some((host, path)) = address.strip_prefix("https://").and_then(|a| a.split_once('/'))
    else {
        return false;
    };
    let region = host.strip_suffix("signin.aws.amazon.com");
    let is_label = |label: &str| label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let is_host = region.is_some_and(|r| r.is_empty() || r.strip_suffix('.').is_some_and(is_label));
    is_host && (path == "saml" || path.strip_prefix("saml/acs/").is_some_and(is_label))
}

fn attributes(document: &Document, at: usize) -> Result<Vec<(String, Vec<String>)>, SamlError> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for statement in document.children(at, ASSERTION, "AttributeStatement") {
        for attribute in document.children(statement, ASSERTION, "Attribute") {
            let name = document.attribute(attribute, "Name").ok_or(SamlError::Invalid)?;
            let Some(name) = name.strip_prefix(ATTRIBUTES) else { continue };
            let values = document.children(attribute, ASSERTION, "AttributeValue");
            let values: Option<Vec<String>> = values.map(|value| document.text(value)).collect();
            let values = values.ok_or(SamlError::Invalid)?;
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => known.extend(values),
                None => found.push((name.to_owned(), values)),
            }
        }
    }
    Ok(found)
}

/// `xs:dateTime`, which SAML wants in UTC.
fn instant(text: &str) -> Option<i64> {
    Timestamp::parse(text.trim(), TimeFormat::Iso8601).ok().map(|at| at.epoch_ms)
}
