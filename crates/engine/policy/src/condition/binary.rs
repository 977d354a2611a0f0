//! Base64, as `BinaryEquals` compares it.

/// Standard alphabet; padding may be missing. `None`: something else.
pub(super) fn decode(text: &str) -> Option<Box<[u8]>> {
    let digits = text.trim_end_matches('=');
    if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn decodes() {
        let check = |text: &str, expected: Option<&[u8]>| {
            assert_eq!(decode(text).as_deref(), expected, "{text}");
        };
        check("", Some(b""));
        check("QQ==", Some(b"A"));
        check("QQ", Some(b"A"));
        check("QmluYXJ5VmFsdWVJbkJhc2U2NA==", Some(b"BinaryValueInBase64"));
        check("+/8=", Some(&[0xfb, 0xff]));
        check("Q", None);
        check("QQ===", None);
        check("Q Q=", None);
    }
}
