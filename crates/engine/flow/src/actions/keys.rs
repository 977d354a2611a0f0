//! What the caller's keys mean.

/// Keeps the keys of a telephone.
pub(super) fn keys(raw: &str) -> impl Iterator<Item = char> {
    raw.chars().filter(|key| key.is_ascii_digit() || matches!(key, '*' | '#'))
}

/// The input that `raw` keys make: up to `terminator`, without what `*` cleared (if
/// `cancel_key`), and no more than `digits_max` keys.
pub(super) fn stored(raw: &str, terminator: &str, cancel_key: bool, digits_max: u32) -> String {
    let keys: String = keys(raw).collect();
    let input = match keys.find(terminator) {
        Some(end) if !terminator.is_empty() => &keys[..end],
        _ => &keys,
    };
    let input = match input.rfind('*') {
        Some(star) if cancel_key => &input[star + 1..],
        _ => input,
    };
    input.chars().take(digits_max as usize).collect()
}

/// `digits` of a number in `country` as E.164, or none if it cannot be one.
///
/// One leading zero, the trunk prefix of most countries, is left out; Italy keeps its own.
pub(super) fn local_number(digits: &str, country: &str) -> Option<String> {
    let code = crate::calling_codes::calling_code(country)?;
    let national = match digits.strip_prefix('0') {
        Some(rest) if !matches!(country, "IT" | "SM" | "VA") => rest,
        _ => digits,
    };
    // In the North American plan the trunk prefix is the calling code itself.
    let national = match national.strip_prefix('1') {
        Some(rest) if code.starts_with('1') && rest.len() == 10 => rest,
        _ => national,
    };
    let national = match code.strip_prefix('1') {
        // A ten-digit number already holds the area code that `code` names.
        Some(area) if !area.is_empty() && national.len() == 10 => national.strip_prefix(area)?,
        _ => national,
    };
    international_number(&format!("{code}{national}"))
}

/// `digits`, which begin with a country's calling code, as E.164, or none if it cannot be one.
pub(super) fn international_number(digits: &str) -> Option<String> {
    let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
    (plain && !digits.starts_with('0') && (8..=15).contains(&digits.len()))
        .then(|| format!("+{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_an_input() {
        for (raw, terminator, cancel_key, digits_max, expected) in [
            ("1234#", "#", true, 10, "1234"),
            ("12*34#", "#", true, 10, "34"),
            ("12*34#", "#", false, 10, "12*34"),
            ("12#34##", "##", true, 10, "12#34"),
            ("123456", "#", true, 4, "1234"),
            ("한글 12 a", "#", true, 4, "12"),
            ("#", "#", true, 4, ""),
            ("12", "", true, 4, "12"),
        ] {
            assert_eq!(stored(raw, terminator, cancel_key, digits_max), expected, "{raw}");
        }
    }

    #[test]
    fn numbers() {
        for (digits, country, expected) in [
            ("01012345678", "KR", Some("+821012345678")),
            ("1012345678", "KR", Some("+821012345678")),
            ("2065550100", "US", Some("+12065550100")),
            ("12065550100", "US", Some("+12065550100")),
            ("0612345678", "IT", Some("+390612345678")),
            ("12", "KR", None),
            ("12*45678", "KR", None),
            ("1234567", "XX", None),
        ] {
            assert_eq!(local_number(digits, country).as_deref(), expected, "{digits} {country}");
        }
        assert_eq!(international_number("821012345678").as_deref(), Some("+821012345678"));
        assert_eq!(international_number("0821012345678"), None);
    }
}
