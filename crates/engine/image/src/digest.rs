//! Digests: the names of everything in an image.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::Error;

/// A SHA-256, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// The digest of bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::from_hash(&Sha256::digest(bytes))
    }

    /// From the 32 bytes of a finished hash.
    pub(crate) fn from_hash(hash: &[u8]) -> Digest {
        Digest(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The 64 digits.
    pub fn hex(&self) -> &str {
        &self.0
    }

    /// Refuses bytes whose digest is another.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        if Digest::of(bytes) == *self {
            return Ok(());
        }
        Err(Error::Damaged(format!("{self} has other content")))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.0)
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Digest, Error> {
        let digits = text.strip_prefix("sha256:").filter(|digits| {
            digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        match digits {
            Some(digits) => Ok(Digest(digits.to_owned())),
            None => Err(Error::Damaged(format!("no digest: {}", crate::shown(text.as_bytes())))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_a_digest() {
        let check = |text: &str, good: bool| assert_eq!(text.parse::<Digest>().is_ok(), good);
        let digits = "a".repeat(64);
        check(&format!("sha256:{digits}"), true);
        check(&format!("sha256:{}", "A".repeat(64)), false);
        check(&format!("sha512:{digits}"), false);
        check(&digits, false);
        check("sha256:../../etc/passwd", false);
        assert!(Digest::of(b"x").check(b"x").is_ok());
        assert!(Digest::of(b"x").check(b"y").is_err());
    }
}
