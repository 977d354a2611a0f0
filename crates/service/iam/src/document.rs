//! Policy documents: what is taken, and how they are shown.

use std::fmt::Write as _;

use kernel::Fault;
use policy::{Kind, Policy};

use crate::error::{Result, malformed};

/// Refuses what is no policy, in AWS's words.
pub(crate) fn check(text: &str, kind: Kind) -> Result<()> {
    Policy::parse(text, kind).map_err(|why| malformed(why.to_string()))?;
    Ok(())
}

/// Characters that count for the limits: all but white space.
pub(crate) fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// Percent-encoded by RFC 3986, as documents stand in responses.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte.into());
            }
            _ => write!(out, "%{byte:02X}").expect("a string takes everything"),
        }
    }
    out
}

/// Refuses a document longer than `max` characters without white space.
pub(crate) fn check_size(text: &str, max: usize, refusal: impl FnOnce() -> Fault) -> Result<()> {
    if size(text) > max { Err(refusal().into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding() {
        assert_eq!(encoded("{\"a\": \"b*é\"}"), "%7B%22a%22%3A%20%22b%2A%C3%A9%22%7D");
    }
}
