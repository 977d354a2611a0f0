//! Tags of any entity.

use api_iam::Tag;
use kernel::Fault;

use crate::error::{invalid_input, limit};
use crate::record::Tags;

/// Tags on one entity.
const TAGS_MAX: usize = 50;

/// Tags given at creation or by a `Tag…` operation, checked among themselves.
pub(crate) fn given(tags: Option<Vec<Tag>>) -> Result<Tags, Fault> {
    let tags = tags.unwrap_or_default();
    for (i, tag) in tags.iter().enumerate() {
        if tag.key.to_lowercase().starts_with("aws:") {
            let message = "aws: prefixed tag key names are not allowed for external use.";
            return Err(invalid_input(message));
        }
        if tags[..i].iter().any(|other| same(&other.key, &tag.key)) {
            return Err(invalid_input(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
    }
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

/// Adds tags; one whose key is there already replaces it, also in the way its key is written.
pub(crate) fn add(tags: &mut Tags, more: &Tags) -> Result<(), Fault> {
    for (key, value) in more {
        match tags.iter_mut().find(|(own, _)| same(own, key)) {
            Some(own) => *own = (key.clone(), value.clone()),
            None => tags.push((key.clone(), value.clone())),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(limit("The number of tags has reached the maximum limit."));
    }
    Ok(())
}

/// Takes tags away; keys that are not there are none of our concern.
pub(crate) fn remove(tags: &mut Tags, keys: &[String]) {
    tags.retain(|(own, _)| !keys.iter().any(|key| same(own, key)));
}

/// The tags as the API shows them.
pub(crate) fn shown(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// The tags, if there are any.
pub(crate) fn shown_if_any(tags: &Tags) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| shown(tags))
}

/// The tags with their sort keys, for a page.
pub(crate) fn keyed(tags: &Tags) -> Vec<(String, Tag)> {
    let mut keyed: Vec<(String, Tag)> =
        shown(tags).into_iter().map(|tag| (tag.key.to_lowercase(), tag)).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    keyed
}

fn same(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn keys_are_told_apart_without_case() {
        assert!(given(Some(vec![tag("a", "1"), tag("A", "2")])).is_err());
        assert!(given(Some(vec![tag("aws:a", "1")])).is_err());
        let mut tags = given(Some(vec![tag("Team", "blue"), tag("b", "2")])).unwrap();
        add(&mut tags, &given(Some(vec![tag("team", "green")])).unwrap()).unwrap();
        assert_eq!(tags[0], ("team".into(), "green".into()));
        remove(&mut tags, &["TEAM".into(), "none".into()]);
        assert_eq!(tags, [("b".into(), "2".into())]);
    }

    #[test]
    fn fifty_are_the_most() {
        let mut tags = Tags::new();
        let many = (0..50).map(|i| (i.to_string(), String::new())).collect();
        add(&mut tags, &many).unwrap();
        assert!(add(&mut tags, &vec![("0".into(), "x".into())]).is_ok());
        assert!(add(&mut tags, &vec![("more".into(), "x".into())]).is_err());
    }
}
