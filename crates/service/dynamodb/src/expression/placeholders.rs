//! ExpressionAttributeNames and ExpressionAttributeValues.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::invalid::Invalid;
use crate::value::Value;

/// Bytes a placeholder may have, its sign included.
const KEY_MAX_BYTES: usize = 255;

/// The placeholders of a request, and which of them its expressions used.
#[derive(Default)]
pub struct Placeholders {
    names: BTreeMap<String, Used<Arc<str>>>,
    values: BTreeMap<String, Used<Arc<Value>>>,
}

struct Used<T> {
    meaning: T,
    used: bool,
}

impl Placeholders {
    /// Takes what the request gave: `None` where it gave nothing.
    ///
    /// # Errors
    /// In DynamoDB's words, for empty maps, keys that are no placeholders, and
    /// names that are empty.
    pub fn new(
        names: Option<Vec<(String, String)>>,
        values: Option<Vec<(String, Value)>>,
    ) -> Result<Placeholders, Invalid> {
        let mut placeholders = Placeholders::default();
        check_keys("ExpressionAttributeNames", '#', names.as_deref())?;
        for (key, name) in names.unwrap_or_default() {
            if name.is_empty() {
                return Err(Invalid(format!(
                    "ExpressionAttributeNames contains invalid value: \
                     Empty attribute name for key {key}"
                )));
            }
            placeholders.names.insert(key, Used { meaning: name.into(), used: false });
        }
        check_keys("ExpressionAttributeValues", ':', values.as_deref())?;
        for (key, value) in values.unwrap_or_default() {
            placeholders.values.insert(key, Used { meaning: Arc::new(value), used: false });
        }
        Ok(placeholders)
    }

    /// The size of all values.
    pub fn values_size_bytes(&self) -> usize {
        self.values.values().map(|entry| entry.meaning.size_bytes()).sum()
    }

    /// What `#name` stands for.
    ///
    /// # Errors
    /// If the request does not define it.
    pub(super) fn name(&mut self, key: &str) -> Result<Arc<str>, String> {
        match self.names.get_mut(key) {
            Some(entry) => {
                entry.used = true;
                Ok(entry.meaning.clone())
            }
            None => Err(format!(
                "An expression attribute name used in the document path is not defined; \
                 attribute name: {key}"
            )),
        }
    }

    /// What `:value` stands for.
    ///
    /// # Errors
    /// If the request does not define it.
    pub(super) fn value(&mut self, key: &str) -> Result<Arc<Value>, String> {
        match self.values.get_mut(key) {
            Some(entry) => {
                entry.used = true;
                Ok(entry.meaning.clone())
            }
            None => Err(format!(
                "An expression attribute value used in expression is not defined; \
                 attribute value: {key}"
            )),
        }
    }

    /// To be called when every expression of the request has been bound.
    ///
    /// # Errors
    /// If any placeholder stands in none of them.
    pub fn check_all_used(&self) -> Result<(), Invalid> {
        check_used("ExpressionAttributeNames", &self.names)?;
        check_used("ExpressionAttributeValues", &self.values)
    }
}

/// Checks the keys of one of the two maps.
///
/// # Errors
/// If the map is empty, or a key is too long or no placeholder.
pub fn check_keys<T>(
    parameter: &str,
    sign: char,
    entries: Option<&[(String, T)]>,
) -> Result<(), Invalid> {
    let Some(entries) = entries else { return Ok(()) };
    if entries.is_empty() {
        return Err(Invalid(format!("{parameter} must not be empty")));
    }
    for (key, _) in entries {
        let size = key.len();
        if size > KEY_MAX_BYTES {
            return Err(Invalid(format!(
                "{parameter} contains invalid key: The expression attribute map contains a key \
                 that is too long; size of key: {size}"
            )));
        }
        let rest = key.strip_prefix(sign).unwrap_or_default();
        if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(Invalid(format!(
                "{parameter} contains invalid key: Syntax error; key: \"{key}\""
            )));
        }
    }
    Ok(())
}

fn check_used<T>(parameter: &str, entries: &BTreeMap<String, Used<T>>) -> Result<(), Invalid> {
    let mut unused: Vec<&str> =
        entries.iter().filter(|(_, entry)| !entry.used).map(|(key, _)| key.as_str()).collect();
    if unused.is_empty() {
        return Ok(());
    }
    sort_as_java_set(&mut unused, entries.len());
    Err(Invalid(format!(
        "Value provided in {parameter} unused in expressions: keys: {{{}}}",
        unused.join(", ")
    )))
}

/// DynamoDB names unused placeholders in the order of a Java `HashSet` that
/// was made from all `total` of them: by the low bits of their hashes.
pub(crate) fn sort_as_java_set(keys: &mut [&str], total: usize) {
    let buckets = (total * 4 / 3 + 1).max(16).next_power_of_two() as u32;
    keys.sort_by_key(|key| {
        let hash = key
            .encode_utf16()
            .fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(u32::from(unit)));
        (hash ^ (hash >> 16)) & (buckets - 1)
    });
}
