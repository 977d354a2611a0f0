//! Percent-encoding and form pairs, as query strings and awsQuery bodies have them.

use std::borrow::Cow;

use crate::ReadError;

/// Decodes one path segment or label value. A stray `%` stands for itself.
pub fn decode_path(raw: &str) -> Result<Cow<'_, str>, ReadError> {
    decode(raw, false)
}

/// A decoded name and value.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Splits `a=b&c` into decoded pairs; `+` is a space, a name without `=` has an empty value.
pub fn query_pairs(raw: &str) -> Result<Vec<Pair<'_>>, ReadError> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name, true)?, decode(value, true)?))
        })
        .collect()
}

fn decode(raw: &str, plus_is_space: bool) -> Result<Cow<'_, str>, ReadError> {
    if !raw.bytes().any(|b| b == b'%' || (plus_is_space && b == b'+')) {
        return Ok(Cow::Borrowed(raw));
    }
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex_pair(bytes, at)) {
            (b'%', Some(value)) => {
                out.push(value);
                at += 3;
                continue;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out)
        .map(Cow::Owned)
        .map_err(|_| ReadError::Syntax("The percent-encoded text is not UTF-8".to_owned()))
}

fn hex_pair(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    Some((digit(at + 1)? * 16 + digit(at + 2)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        let pairs = query_pairs("a=1+2&&b%20c=%ED%95%9C%zz%&flag&x=y=z").unwrap();
        let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}|{v}")).collect();
        assert_eq!(pairs, ["a|1 2", "b c|한%zz%", "flag|", "x|y=z"]);
        assert_eq!(decode_path("a+b%2Fc").unwrap(), "a+b/c");
        assert!(query_pairs("a=%ff").is_err());
    }
}
