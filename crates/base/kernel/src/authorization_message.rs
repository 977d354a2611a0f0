//! The encoded message in some answers to refused requests, and what STS decodes it to.
//!
//! Sealed, because it says which policies an account has; deflated, because it may be long.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE as BASE64;

use crate::Sealer;
use crate::session::{pack, unpack};

/// The longest encoded message that STS's model takes, in characters.
const ENCODED_CHARS_MAX: usize = 10_240;

fn purpose(account: &str) -> String {
    format!("authorization-message/{account}")
}

/// Encodes why a request was refused (a JSON document) for people of `account` alone, to be
/// decoded by `DecodeAuthorizationMessage`. `None` when it would be longer than that takes.
pub fn encode_authorization_message(sealer: &Sealer, account: &str, json: &str) -> Option<String> {
    let sealed = sealer.seal(&purpose(account), &pack(json.as_bytes()));
    let encoded = BASE64.encode(sealed);
    (encoded.len() <= ENCODED_CHARS_MAX).then_some(encoded)
}

/// The document that was encoded; `None` if it was not by this installation for this account.
pub fn decode_authorization_message(
    sealer: &Sealer,
    account: &str,
    encoded: &str,
) -> Option<String> {
    if encoded.len() > ENCODED_CHARS_MAX {
        return None;
    }
    let sealed = BASE64.decode(encoded).ok()?;
    let plain = sealer.open_sealed(&purpose(account), &sealed).ok()?;
    String::from_utf8(unpack(&plain)?).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::SeededRandom;

    #[test]
    fn only_for_its_account() {
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        for text in [r#"{"allowed":false}"#.to_owned(), format!("{:?}", vec![1; 20_000])] {
            let encoded = encode_authorization_message(&sealer, "111122223333", &text).unwrap();
            let decode = |account, encoded| decode_authorization_message(&sealer, account, encoded);
            assert_eq!(decode("111122223333", &encoded), Some(text));
            assert_eq!(decode("444455556666", &encoded), None);
            assert_eq!(decode("111122223333", &encoded[4..]), None);
            assert_eq!(decode("111122223333", &"A".repeat(20_000)), None);
        }
        let noise: &dyn crate::Random = &SeededRandom::new(2);
        assert_eq!(encode_authorization_message(&sealer, "1", &noise.hex(20_000)), None);
    }
}
