//! References into the flow's data: `$.Attributes.x`, `$.Attributes['a b']`, `$.Channel`.

/// A namespace after `$.`; whether names follow it.
const ROOTS: &[(&str, bool)] = &[
    ("Agent", true),
    ("Attributes", true),
    ("AwsRegion", false),
    ("Case", true),
    ("Channel", false),
    ("ContactId", false),
    ("Customer", true),
    ("CustomerCallbackNumber", false),
    ("CustomerEndpoint", true),
    ("CustomerId", false),
    ("Description", false),
    ("External", true),
    ("FlowAttributes", true),
    ("InitialContactId", false),
    ("InitiationMethod", false),
    ("InstanceARN", false),
    ("LanguageCode", false),
    ("Lex", true),
    ("Media", true),
    ("Metrics", true),
    ("Name", false),
    ("PreviousContactId", false),
    ("Queue", true),
    ("References", true),
    ("RelatedContactId", false),
    ("SegmentAttributes", true),
    ("StoredCustomerInput", false),
    ("SystemEndpoint", true),
    ("Tags", true),
    ("Task", true),
    ("TextToSpeechVoiceId", false),
    ("Views", true),
    ("Wisdom", true),
];

/// A reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// The namespace: one of [`ROOTS`].
    pub(crate) root: &'static str,
    /// The names below it.
    pub(crate) names: Vec<String>,
}

impl Path {
    /// Reads `text` if all of it is one reference.
    pub(crate) fn whole(text: &str) -> Option<Path> {
        let (path, length) = Path::prefix(text)?;
        (length == text.len()).then_some(path)
    }

    /// Reads the reference at the start of `text`, with its length in bytes.
    ///
    /// A plain name is ASCII letters, digits, `_` and `-`, so that `$.External.name님` and a full
    /// stop after a reference end it; any other name needs brackets.
    pub(crate) fn prefix(text: &str) -> Option<(Path, usize)> {
        let after = text.strip_prefix("$.")?;
        let letters = after.bytes().take_while(|b| b.is_ascii_alphanumeric()).count();
        let &(root, has_names) = ROOTS.iter().find(|(name, _)| *name == &after[..letters])?;
        let mut rest = &after[letters..];
        let mut names = Vec::new();
        let next = |rest| if has_names { name_at(rest) } else { None };
        while let Some((name, length)) = next(rest) {
            names.push(name);
            rest = &rest[length..];
        }
        Some((Path { root, names }, text.len() - rest.len()))
    }
}

fn name_at(text: &str) -> Option<(String, usize)> {
    plain_name(text).or_else(|| bracketed_name(text))
}

fn plain_name(text: &str) -> Option<(String, usize)> {
    let name = text.strip_prefix('.')?;
    let length =
        name.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-').count();
    (length > 0).then(|| (name[..length].to_owned(), length + 1))
}

fn bracketed_name(text: &str) -> Option<(String, usize)> {
    let (quote, inner) = match text.as_bytes() {
        [b'[', quote @ (b'\'' | b'"'), ..] => (*quote as char, &text[2..]),
        _ => return None,
    };
    let end = inner.find(quote)?;
    (end > 0 && inner[end + 1..].starts_with(']')).then(|| (inner[..end].to_owned(), end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &[&str], usize)>) {
        let found = Path::prefix(text);
        let found = found.as_ref().map(|(path, length)| {
            (path.root, path.names.iter().map(String::as_str).collect::<Vec<_>>(), *length)
        });
        assert_eq!(found, expected.map(|(r, n, l)| (r, n.to_vec(), l)), "{text}");
    }

    #[test]
    fn references() {
        check("$.External.name님", Some(("External", &["name"], 15)));
        check("$.External.name. Bye", Some(("External", &["name"], 15)));
        check("$.Attributes['a b']!", Some(("Attributes", &["a b"], 19)));
        check("$.Attributes[\"a b\"].c", Some(("Attributes", &["a b", "c"], 21)));
        check("$.External.a.b-c.d_e", Some(("External", &["a", "b-c", "d_e"], 20)));
        check("$.Channel.x", Some(("Channel", &[], 9)));
        check("$.Views", Some(("Views", &[], 7)));
        check("$.Attributes['", Some(("Attributes", &[], 12)));
        check("$.Attributes['']", Some(("Attributes", &[], 12)));
        check("$.Attributes['가 나']", Some(("Attributes", &["가 나"], 23)));
        check("$.Nothing.x", None);
        check("$5", None);
        check("", None);
    }
}
