//! Tags.

use api_dynamodb::Tag;

use crate::invalid::Invalid;

/// Tags a resource may have.
const TAGS_MAX: usize = 50;
const RESERVED: &str = "aws:";

/// The tags of a new table.
pub(crate) fn of_table(given: Option<Vec<Tag>>) -> Result<Vec<(String, String)>, Invalid> {
    let mut tags = Vec::new();
    let given = given.unwrap_or_default();
    check_all(&given)?;
    add(&mut tags, given)?;
    Ok(tags)
}

/// Checks tags apart from those there are.
pub(crate) fn check_all(tags: &[Tag]) -> Result<(), Invalid> {
    for (i, tag) in tags.iter().enumerate() {
        check_key(&tag.key)?;
        if !tag.value.chars().all(is_allowed) {
            return Err(invalid("value", &tag.value));
        }
        if tags[..i].iter().any(|known| known.key == tag.key) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: Duplicate tag key: {}",
                tag.key
            )));
        }
    }
    Ok(())
}

/// Checks a key.
pub(crate) fn check_key(key: &str) -> Result<(), Invalid> {
    let starts_reserved =
        key.get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED));
    if starts_reserved {
        return Err(Invalid(format!(
            "One or more parameter values were invalid: \
             Tag keys that begin with {RESERVED} are reserved: {key}"
        )));
    }
    if !key.chars().all(is_allowed) {
        return Err(invalid("key", key));
    }
    Ok(())
}

fn invalid(what: &str, text: &str) -> Invalid {
    Invalid(format!(
        "One or more parameter values were invalid: The tag {what} '{text}' has a character that \
         is not a letter, white space, a number or one of + - = . _ : / @"
    ))
}

fn is_allowed(char: char) -> bool {
    char.is_alphanumeric() || char.is_whitespace() || "+-=._:/@".contains(char)
}

/// Adds tags, or changes the values of those there are.
///
/// # Errors
/// If there would be too many.
pub(crate) fn add(tags: &mut Vec<(String, String)>, given: Vec<Tag>) -> Result<(), Invalid> {
    for tag in given {
        match tags.iter_mut().find(|(key, _)| *key == tag.key) {
            Some((_, value)) => *value = tag.value,
            None => tags.push((tag.key, tag.value)),
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(Invalid(format!(
            "One or more parameter values were invalid: \
             A resource can have {TAGS_MAX} tags and would have {}",
            tags.len()
        )));
    }
    Ok(())
}
