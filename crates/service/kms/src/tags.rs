//! Tags of keys.

use std::collections::BTreeMap;

use api_kms::Tag;
use kernel::Fault;

use crate::error::tag;

/// Tags of one key.
const TAGS_MAX: usize = 50;

/// Adds tags.
pub(crate) fn add(tags: &mut BTreeMap<String, String>, new: &[Tag]) -> Result<(), Fault> {
    for (at, one) in new.iter().enumerate() {
        check_key(&one.tag_key)?;
        if new[..at].iter().any(|other| other.tag_key == one.tag_key) {
            return Err(tag("Duplicate tag keys"));
        }
    }
    tags.extend(new.iter().map(|one| (one.tag_key.clone(), one.tag_value.clone())));
    if tags.len() > TAGS_MAX {
        return Err(tag("Too many tags"));
    }
    Ok(())
}

/// Refuses keys that are AWS's.
pub(crate) fn check_key(key: &str) -> Result<(), Fault> {
    if key.get(..4).is_some_and(|beginning| beginning.eq_ignore_ascii_case("aws:")) {
        return Err(tag("Tags beginning with aws: are reserved"));
    }
    Ok(())
}

/// As the API shows them.
pub(crate) fn list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag =
        |(key, value): (&String, &String)| Tag { tag_key: key.clone(), tag_value: value.clone() };
    tags.iter().map(tag).collect()
}
