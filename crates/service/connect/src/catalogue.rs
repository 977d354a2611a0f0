//! The numbers that can be claimed: always the same ones, and none that rings at anybody's home.
//!
//! North America: 555-0100 to 555-0199 of each area code, kept for fiction. United Kingdom and
//! Australia: numbers their authorities keep for drama. Elsewhere: national numbers that begin
//! with 0, which no subscriber has.

/// A number that can be claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    /// E.164.
    pub(crate) number: String,
    /// ISO 3166 code.
    pub(crate) country: String,
    /// `DID` or `TOLL_FREE`.
    pub(crate) kind: &'static str,
}

/// The kinds there are numbers of.
const KINDS: [&str; 2] = ["DID", "TOLL_FREE"];

/// Area codes of the United States and of Canada, a few of each.
const AREAS_US: &[&str] = &["206", "212", "312", "415", "503", "617", "702", "713"];
const AREAS_CA: &[&str] = &["416", "514", "604", "613", "780", "902"];
const AREAS_TOLL_FREE: &[&str] = &["800", "833", "844", "855", "866", "877", "888"];

/// All numbers of `kind` in `country`, in order; none for a kind that is not offered.
pub(crate) fn numbers(country: &str, kind: &str) -> Vec<Number> {
    let Some(kind) = KINDS.into_iter().find(|known| *known == kind) else { return Vec::new() };
    let Some(code) = flow::calling_code(country) else { return Vec::new() };
    blocks(country, code, kind == "TOLL_FREE")
        .into_iter()
        .flat_map(|(prefix, digits, count)| {
            (0..count).map(move |index| format!("+{prefix}{index:0digits$}"))
        })
        .map(|number| Number { number, country: country.to_owned(), kind })
        .collect()
}

/// Blocks of consecutive numbers: prefix, digits that follow it, how many numbers.
fn blocks(country: &str, code: &str, toll_free: bool) -> Vec<(String, usize, u32)> {
    let own_area = code.strip_prefix('1').filter(|area| !area.is_empty());
    let fiction = |areas: &[&str]| {
        areas.iter().map(|area| (format!("1{area}55501"), 2, 100)).collect::<Vec<_>>()
    };
    match (country, toll_free, own_area) {
        ("US" | "CA", true, _) => fiction(AREAS_TOLL_FREE),
        ("US", false, _) => fiction(AREAS_US),
        ("CA", false, _) => fiction(AREAS_CA),
        (_, true, Some(_)) => Vec::new(),
        (_, false, Some(area)) => fiction(&[area]),
        ("GB", false, _) => vec![("442079460".to_owned(), 3, 1_000)],
        ("GB", true, _) => vec![("448081570".to_owned(), 3, 1_000)],
        ("AU", false, _) => vec![("6125550".to_owned(), 4, 1_000)],
        ("KR", false, _) => vec![("82200".to_owned(), 6, 1_000)],
        ("KR", true, _) => vec![("828000".to_owned(), 5, 1_000)],
        (_, false, None) => vec![(format!("{code}00"), 6, 500)],
        (_, true, None) => vec![(format!("{code}0800"), 5, 500)],
    }
}

/// The entry for `number`, if it is in the catalogue. Where several countries could have it, the
/// first in the alphabet does.
pub(crate) fn find(number: &str, countries: impl Iterator<Item = String>) -> Option<Number> {
    let digits = number.strip_prefix('+')?;
    countries
        .filter(|country| flow::calling_code(country).is_some_and(|code| digits.starts_with(code)))
        .flat_map(|country| KINDS.map(|kind| numbers(&country, kind)))
        .flatten()
        .find(|known| known.number == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_fictional_and_found_again() {
        for (country, kind, first, count) in [
            ("KR", "DID", "+82200000000", 1_000),
            ("KR", "TOLL_FREE", "+82800000000", 1_000),
            ("US", "DID", "+12065550100", 800),
            ("US", "TOLL_FREE", "+18005550100", 700),
            ("PR", "DID", "+17875550100", 100),
            ("GB", "DID", "+442079460000", 1_000),
            ("JP", "DID", "+8100000000", 500),
            ("KR", "UIFN", "", 0),
            ("XX", "DID", "", 0),
        ] {
            let all = numbers(country, kind);
            assert_eq!(all.len(), count, "{country} {kind}");
            assert_eq!(all.first().map_or("", |n| n.number.as_str()), first);
            if let Some(last) = all.last() {
                assert!((9..=16).contains(&last.number.len()), "{last:?}");
                let found = find(&last.number, [country.to_owned()].into_iter());
                assert_eq!(found.as_ref(), Some(last));
            }
        }
    }
}
