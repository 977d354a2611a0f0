//! What temporary credentials carry, and how it is packed into a session token.
//!
//! A token has no record: everything about its session travels in it, sealed. So its size is
//! bounded, as AWS's is (`PackedPolicySize`).

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use crate::{AssumedRole, FederatedUser, Principal, RootSession, User};

/// Longest statement in a token, before it is packed.
const PLAIN_BYTES_MAX: u64 = 64 * 1024;
/// Room for session policies and tags, packed. With it a token has at most 4096 characters, the
/// largest that AWS's model knows (`MinimumSessionTokenSize`).
const POLICY_BYTES_MAX: usize = 1600;
/// Statements shorter than this are not packed: it would cost more than it saves.
const PACKED_BYTES_MIN: usize = 640;

/// What a session carries besides its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SessionFacts {
    /// `aws:TokenIssueTime`, milliseconds since 1970.
    #[serde(rename = "i")]
    pub issued_at_ms: i64,
    /// From this moment on it is refused, milliseconds since 1970.
    #[serde(rename = "e")]
    pub expires_at_ms: i64,
    /// Inline session policy, as it was given.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// ARNs of the managed session policies. With `policy` they bound the session: an action must
    /// be allowed by any of them, too. Without any, nothing bounds it.
    #[serde(rename = "P", default, skip_serializing_if = "Vec::is_empty")]
    pub policy_arns: Vec<String>,
    /// `aws:PrincipalTag/KEY` of the session, which come before those of the role or user. Keys
    /// keep their case; no two differ only in it.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<(String, String)>,
    /// Keys of the tags that the next session in a chain inherits.
    #[serde(rename = "T", default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tag_keys: Vec<String>,
    /// `aws:SourceIdentity`.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// When a device proved itself, milliseconds since 1970: `aws:MultiFactorAuthPresent` is true
    /// and `aws:MultiFactorAuthAge` counts from here.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub mfa_at_ms: Option<i64>,
    /// The identity provider outside, if one vouched for the session.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub federated: Option<FederatedFacts>,
    /// The session was made with the credentials of another role's session.
    #[serde(rename = "c", default, skip_serializing_if = "std::ops::Not::not")]
    pub chained: bool,
    /// ARN of the task policy of an `AssumeRoot` session; nothing beyond it is allowed.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub root_task: Option<String>,
}

/// What a session knows of the provider that vouched for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FederatedFacts {
    /// `aws:FederatedProvider`: the provider's ARN in IAM.
    #[serde(rename = "p")]
    pub provider: String,
    /// Condition keys with their values: `accounts.example.com:sub`, `…:aud`, `…:amr`,
    /// `saml:namequalifier`. A key that had one value in the assertion has one here.
    #[serde(rename = "k", default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<(String, Vec<String>)>,
}

impl SessionFacts {
    /// A session with times and nothing else, both in milliseconds since 1970.
    pub fn new(issued_at_ms: i64, expires_at_ms: i64) -> Self {
        SessionFacts { issued_at_ms, expires_at_ms, ..Default::default() }
    }

    /// The value of a session tag; keys do not depend on case.
    pub fn tag(&self, key: &str) -> Option<&str> {
        let found = self.tags.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str())
    }

    /// How much of the room for session policies and tags is taken, in percent (rounded up). More
    /// than 100 is refused by [`crate::Credentials::issue`].
    pub fn packed_policy_percent(&self) -> u32 {
        if self.policy.is_none() && self.policy_arns.is_empty() && self.tags.is_empty() {
            return 0;
        }
        let parts = (&self.policy, &self.policy_arns, &self.tags, &self.transitive_tag_keys);
        let plain = serde_json::to_vec(&parts).expect("plain strings are JSON");
        let percent = (deflate(&plain).len() * 100).div_ceil(POLICY_BYTES_MAX);
        u32::try_from(percent).unwrap_or(u32::MAX)
    }
}

/// What a token says, before it is sealed.
#[derive(Serialize, Deserialize)]
pub(crate) struct Statement {
    /// The access key id it belongs to.
    #[serde(rename = "k")]
    pub key: String,
    #[serde(rename = "w")]
    who: Who,
}

/// The principals that have sessions.
#[derive(Serialize, Deserialize)]
enum Who {
    #[serde(rename = "0")]
    Root(RootSession),
    #[serde(rename = "u")]
    User(User),
    #[serde(rename = "r")]
    Role(AssumedRole),
    #[serde(rename = "f")]
    Federated(Box<FederatedUser>),
}

impl Statement {
    /// A statement for a principal; `None` when it has no session.
    pub fn of(key: &str, principal: &Principal) -> Option<Self> {
        principal.session()?;
        let who = match principal {
            Principal::RootSession(root) => Who::Root((**root).clone()),
            Principal::User(user) => Who::User((**user).clone()),
            Principal::AssumedRole(role) => Who::Role((**role).clone()),
            Principal::FederatedUser(user) => Who::Federated(Box::new((**user).clone())),
            Principal::Root { .. } | Principal::Service { .. } | Principal::Anonymous => {
                return None;
            }
        };
        Some(Statement { key: key.to_owned(), who })
    }

    pub fn pack(&self) -> Vec<u8> {
        pack(&serde_json::to_vec(self).expect("plain strings are JSON"))
    }

    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(&unpack(bytes)?).ok()
    }

    pub fn principal(self) -> Principal {
        match self.who {
            Who::Root(root) => Principal::RootSession(Arc::new(root)),
            Who::User(user) => Principal::User(Arc::new(user)),
            Who::Role(role) => Principal::AssumedRole(Arc::new(role)),
            Who::Federated(user) => Principal::FederatedUser(Arc::from(user)),
        }
    }
}

fn deflate(plain: &[u8]) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::best());
    out.write_all(plain).and_then(|()| out.finish()).expect("a vector takes all bytes")
}

/// One byte that says whether the rest is deflated, and the rest.
pub(crate) fn pack(plain: &[u8]) -> Vec<u8> {
    match plain.len() < PACKED_BYTES_MIN {
        true => [b"0", plain].concat(),
        false => [b"1", &deflate(plain)[..]].concat(),
    }
}

/// The inverse of [`pack`]; `None` for anything else.
pub(crate) fn unpack(bytes: &[u8]) -> Option<Vec<u8>> {
    match bytes.split_first()? {
        (b'0', plain) => Some(plain.to_vec()),
        (b'1', packed) => {
            let mut plain = Vec::new();
            DeflateDecoder::new(packed).take(PLAIN_BYTES_MAX).read_to_end(&mut plain).ok()?;
            Some(plain)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_is_bounded_and_exact() {
        for len in [0, 1, PACKED_BYTES_MIN - 1, PACKED_BYTES_MIN, 30_000] {
            let plain = vec![b'x'; len];
            assert_eq!(unpack(&pack(&plain)).as_deref(), Some(&plain[..]), "{len}");
        }
        let bomb = pack(&vec![0; 10 << 20]);
        assert_eq!(unpack(&bomb).map(|plain| plain.len() as u64), Some(PLAIN_BYTES_MAX));
        assert_eq!(unpack(b""), None);
        assert_eq!(unpack(b"2x"), None);
        assert_eq!(unpack(b"1x"), None);
    }

    #[test]
    fn tags_and_percent() {
        let mut facts = SessionFacts::new(0, 1);
        assert_eq!(facts.packed_policy_percent(), 0);
        facts.tags = vec![("Team".into(), "desk".into())];
        assert_eq!((facts.tag("team"), facts.tag("other")), (Some("desk"), None));
        assert!((1..=5).contains(&facts.packed_policy_percent()));
        // Digits of a fixed generator do not shrink to nothing.
        let random = crate::SeededRandom::new(3);
        let random: &dyn crate::Random = &random;
        facts.tags = (0..50).map(|i| (format!("k{i}"), random.base32(256))).collect();
        assert!(facts.packed_policy_percent() > 100);
    }
}
