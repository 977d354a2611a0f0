//! Session tokens that were opened lately. Opening one takes a decryption, an inflation, a reading
//! and a derivation, and every request of a session brings the same token.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use crate::AccessKey;

/// Tokens kept in each of the two halves. What a token says is bounded (`session.rs`), so that all
/// of them take some megabytes at most.
const HALF: usize = 512;

type Digest = [u8; 32];

/// An opened token.
#[derive(Clone)]
pub(crate) struct Session {
    /// The access key id that it belongs to.
    pub id: String,
    pub key: AccessKey,
    /// Milliseconds since 1970.
    pub expires_at_ms: i64,
}

/// Keeps opened tokens by their digests. Only genuine tokens come in, and what a token says never
/// changes: whoever asks looks at the access key id and the time again.
#[derive(Default)]
pub(crate) struct Opened(Mutex<Halves>);

/// When the newer half is full it becomes the older one, which is forgotten: so what is in use
/// stays, without an order of uses being kept.
#[derive(Default)]
struct Halves {
    newer: HashMap<Digest, Session>,
    older: HashMap<Digest, Session>,
}

impl Opened {
    /// By which a token is kept.
    pub fn digest(token: &str) -> Digest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        bytes
    }

    pub fn get(&self, digest: &Digest) -> Option<Session> {
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = halves.newer.get(digest) {
            return Some(session.clone());
        }
        let session = halves.older.remove(digest)?;
        halves.put(*digest, session.clone());
        Some(session)
    }

    pub fn put(&self, digest: Digest, session: Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(digest, session);
    }
}

impl Halves {
    fn put(&mut self, digest: Digest, session: Session) {
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(digest, session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Principal;

    #[test]
    fn what_is_used_stays_and_the_rest_is_bounded() {
        let opened = Opened::default();
        let session = |id: &str| Session {
            id: id.into(),
            key: AccessKey { secret: String::new(), principal: Principal::Anonymous },
            expires_at_ms: 0,
        };
        let used = Opened::digest("used");
        opened.put(used, session("used"));
        for i in 0..10 * HALF {
            opened.put(Opened::digest(&i.to_string()), session("other"));
            assert_eq!(opened.get(&used).map(|session| session.id), Some("used".into()));
        }
        assert!(opened.get(&Opened::digest("0")).is_none());
        let halves = opened.0.lock().unwrap();
        assert!(halves.newer.len() <= HALF && halves.older.len() <= HALF);
    }
}
