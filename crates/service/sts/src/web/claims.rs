//! What a verified token says, as AWS reads it.

use std::fmt;

use serde_json::{Map, Value};

/// How far the clocks of provider and cloud may differ for `nbf` and `iat`, in seconds.
const SKEW_S: i64 = 300;
const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

/// Why the claims of a token are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClaimError {
    /// A claim that must be there is not, or is of another type.
    Missing(&'static str),
    /// It has expired.
    Expired { now_s: i64, at_s: i64 },
    /// It is not valid yet.
    NotYet,
    /// It is for someone else.
    Audience,
    /// Session tags that are no tags.
    Tags,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimError::Missing(claim) => write!(f, "Missing a required claim: {claim}"),
            ClaimError::Expired { now_s, at_s } => write!(
                f,
                "Token expired: current date/time {now_s} must be before the expiration \
                 date/time {at_s}"
            ),
            ClaimError::NotYet => f.write_str("Token is not yet valid"),
            ClaimError::Audience => f.write_str("Incorrect token audience"),
            ClaimError::Tags => f.write_str("Session tags in the token are not valid"),
        }
    }
}

/// A token's claims. Nothing in them is proved until the signature is.
pub(crate) struct Claims {
    pub subject: String,
    /// Whom it is for: `azp` where the token has one, otherwise `aud`.
    pub audiences: Vec<String>,
    /// `aud` of a token that has `azp`, too.
    pub original_audience: Option<String>,
    /// Methods by which the person proved himself.
    pub methods: Vec<String>,
    pub email: Option<String>,
    pub source_identity: Option<String>,
    pub tags: Vec<(String, String)>,
    pub transitive_tag_keys: Vec<String>,
    expires_s: i64,
    not_before_s: i64,
}

/// The issuer that a token names, before anything else is believed.
pub(crate) fn issuer(claims: &Map<String, Value>) -> Result<&str, ClaimError> {
    text(claims, "iss").ok_or(ClaimError::Missing("iss"))
}

impl Claims {
    /// Reads the claims.
    pub fn read(claims: &Map<String, Value>) -> Result<Self, ClaimError> {
        let missing = ClaimError::Missing;
        let audiences = strings(claims.get("aud")).ok_or(missing("aud"))?;
        let authorized = text(claims, "azp").map(str::to_owned);
        let original_audience = authorized.as_ref().and_then(|_| audiences.first().cloned());
        let issued_s = seconds(claims, "iat").ok_or(missing("iat"))?;
        let mut read = Claims {
            subject: text(claims, "sub").ok_or(missing("sub"))?.to_owned(),
            audiences: authorized.map_or(audiences, |one| vec![one]),
            original_audience,
            methods: strings(claims.get("amr")).unwrap_or_default(),
            email: text(claims, "email").map(str::to_owned),
            source_identity: text(claims, SOURCE_IDENTITY).map(str::to_owned),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            expires_s: seconds(claims, "exp").ok_or(missing("exp"))?,
            not_before_s: seconds(claims, "nbf").unwrap_or(issued_s).max(issued_s),
        };
        read.read_tags(claims)?;
        Ok(read)
    }

    /// Nested (`"https://aws.amazon.com/tags": {"principal_tags": {"Team": ["desk"]}}`) or flat
    /// (`"https://aws.amazon.com/tags/principal_tags/Team": "desk"`).
    fn read_tags(&mut self, claims: &Map<String, Value>) -> Result<(), ClaimError> {
        let one = |value: &Value| match strings(Some(value)).as_deref() {
            Some([value]) => Ok(value.clone()),
            _ => Err(ClaimError::Tags),
        };
        if let Some(nested) = claims.get(TAGS) {
            let nested = nested.as_object().ok_or(ClaimError::Tags)?;
            if let Some(tags) = nested.get("principal_tags") {
                for (key, value) in tags.as_object().ok_or(ClaimError::Tags)? {
                    self.tags.push((key.clone(), one(value)?));
                }
            }
            if let Some(keys) = nested.get("transitive_tag_keys") {
                self.transitive_tag_keys = strings(Some(keys)).ok_or(ClaimError::Tags)?;
            }
        }
        for (name, value) in claims {
            let flat = name.strip_prefix(TAGS).and_then(|rest| rest.strip_prefix('/'));
            match flat.map(|rest| rest.split_once('/').unwrap_or((rest, ""))) {
                Some(("principal_tags", key)) if !key.is_empty() => {
                    self.tags.push((key.to_owned(), one(value)?));
                }
                Some(("transitive_tag_keys", _)) => {
                    self.transitive_tag_keys = strings(Some(value)).ok_or(ClaimError::Tags)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether it is valid at `now_s`, seconds since 1970.
    pub fn check_time(&self, now_s: i64) -> Result<(), ClaimError> {
        if self.expires_s <= now_s {
            return Err(ClaimError::Expired { now_s, at_s: self.expires_s });
        }
        match self.not_before_s > now_s.saturating_add(SKEW_S) {
            true => Err(ClaimError::NotYet),
            false => Ok(()),
        }
    }

    /// The audience that is one of the provider's client ids.
    pub fn audience(&self, client_ids: &[String]) -> Result<&str, ClaimError> {
        let found = self.audiences.iter().find(|audience| client_ids.contains(audience));
        found.map(String::as_str).ok_or(ClaimError::Audience)
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// A string, or a list of strings.
fn strings(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A `NumericDate`: seconds, perhaps with a fraction.
fn seconds(claims: &Map<String, Value>, name: &str) -> Option<i64> {
    let number = claims.get(name)?.as_f64()?;
    // Beyond it, neither past nor future means anything.
    (number.abs() < 1e15).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(change: Value) -> Result<Claims, ClaimError> {
        let mut claims = json!({
            "iss": "https://a.example", "sub": "kim", "aud": "desk", "iat": 1000, "exp": 2000.5,
        });
        for (key, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(key),
                value => claims.as_object_mut().unwrap().insert(key.clone(), value.clone()),
            };
        }
        Claims::read(claims.as_object().unwrap())
    }

    #[test]
    fn required_claims() {
        assert!(read(json!({})).is_ok());
        for claim in ["sub", "aud", "iat", "exp"] {
            let missing = Some(ClaimError::Missing(claim));
            assert_eq!(read(json!({claim: null})).err(), missing);
            assert_eq!(read(json!({claim: {}})).err(), missing);
        }
        assert_eq!(read(json!({"exp": 1e300})).err(), Some(ClaimError::Missing("exp")));
    }

    #[test]
    fn times() {
        let check = |change: Value, now_s: i64, expected: Result<(), ClaimError>| {
            assert_eq!(read(change).unwrap().check_time(now_s), expected);
        };
        check(json!({}), 1000, Ok(()));
        check(json!({}), 1999, Ok(()));
        check(json!({}), 2000, Err(ClaimError::Expired { now_s: 2000, at_s: 2000 }));
        check(json!({}), 700, Ok(()));
        check(json!({}), 699, Err(ClaimError::NotYet));
        check(json!({"nbf": 1500}), 1200, Ok(()));
        check(json!({"nbf": 1500}), 1199, Err(ClaimError::NotYet));
    }

    #[test]
    fn audiences() {
        let ids = ["desk".to_owned(), "app".to_owned()];
        let check = |change: Value, expected: Result<&str, ClaimError>| {
            let claims = read(change).unwrap();
            assert_eq!(claims.audience(&ids), expected);
        };
        check(json!({}), Ok("desk"));
        check(json!({"aud": ["x", "app"]}), Ok("app"));
        check(json!({"aud": ["x"]}), Err(ClaimError::Audience));
        check(json!({"aud": "x", "azp": "app"}), Ok("app"));
        check(json!({"aud": "desk", "azp": "x"}), Err(ClaimError::Audience));
    }

    #[test]
    fn session_tags() {
        let nested = json!({
            TAGS: {"principal_tags": {"Team": ["desk"], "Cost": "7"}, "transitive_tag_keys": ["Team"]},
            SOURCE_IDENTITY: "kim",
        });
        let claims = read(nested).unwrap();
        let mut tags = claims.tags;
        tags.sort();
        assert_eq!(tags, [("Cost".into(), "7".into()), ("Team".into(), "desk".into())]);
        assert_eq!(claims.transitive_tag_keys, ["Team"]);
        assert_eq!(claims.source_identity.as_deref(), Some("kim"));
        let flat = json!({format!("{TAGS}/principal_tags/a/b"): "1"});
        assert_eq!(read(flat).unwrap().tags, [("a/b".to_owned(), "1".to_owned())]);
        for bad in
            [json!([]), json!({"principal_tags": {"a": ["1", "2"]}}), json!({"principal_tags": 1})]
        {
            assert_eq!(read(json!({TAGS: bad})).err(), Some(ClaimError::Tags));
        }
    }
}
