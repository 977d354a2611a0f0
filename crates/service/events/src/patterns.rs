//! Patterns of rules and archives, read once and kept by their text.
//!
//! A rule's pattern is asked for each event that comes to its bus. What is kept is bounded: when the
//! newer half is full, the older one goes, and what is asked for moves to the newer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pattern::Pattern;
use serde_json::Value as Json;

/// Bytes of text in one half. A pattern in memory is some ten times its text.
const BYTES_MAX: usize = 2 << 20;
/// What each pattern counts beside its text.
const BASE_BYTES: usize = 128;

/// What was read; a text that is no pattern wants nothing.
type Read = Option<Arc<Pattern>>;

/// All that are kept.
#[derive(Default)]
pub(crate) struct Patterns {
    halves: Mutex<Halves>,
}

#[derive(Default)]
struct Halves {
    newer: HashMap<String, Read>,
    older: HashMap<String, Read>,
    newer_bytes: usize,
}

impl Patterns {
    /// Whether an event is wanted. The text was understood when the rule was made.
    pub(crate) fn wants(&self, text: &str, event: &Json) -> bool {
        self.read(text).is_some_and(|pattern| pattern.matches(event))
    }

    fn read(&self, text: &str) -> Read {
        if let Some(kept) = self.halves().get(text) {
            return kept;
        }
        // Read without the lock: others need not wait.
        let read = Pattern::parse(text).ok().map(Arc::new);
        self.halves().put(text.to_owned(), read.clone());
        read
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn get(&mut self, text: &str) -> Option<Read> {
        if let Some(kept) = self.newer.get(text) {
            return Some(kept.clone());
        }
        let (text, kept) = self.older.remove_entry(text)?;
        self.put(text, kept.clone());
        Some(kept)
    }

    fn put(&mut self, text: String, read: Read) {
        let bytes = text.len() + BASE_BYTES;
        if self.newer_bytes + bytes > BYTES_MAX {
            self.older = std::mem::take(&mut self.newer);
            self.newer_bytes = 0;
        }
        if self.newer.insert(text, read).is_none() {
            self.newer_bytes += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept_is_what_was_read_and_bounded() {
        let patterns = Patterns::default();
        let check = |text: &str, event: Json, expected: bool| {
            for _ in 0..2 {
                assert_eq!(patterns.wants(text, &event), expected, "{text} {event}");
            }
        };
        check(r#"{"a":["x"]}"#, json!({ "a": "x" }), true);
        check(r#"{"a":["x"]}"#, json!({ "a": "y" }), false);
        check(r#"{"a":[{"prefix":"y"}]}"#, json!({ "a": "yes" }), true);
        check("no pattern", json!({}), false);
        let long = "x".repeat(2000);
        for n in 0..3000 {
            let text = format!(r#"{{"a":["{long}{n}"]}}"#);
            assert!(patterns.wants(&text, &json!({ "a": format!("{long}{n}") })));
            // This one is asked for all the time, and so is always kept.
            assert!(patterns.halves().get(r#"{"a":["x"]}"#).is_some());
        }
        let halves = patterns.halves();
        let bytes = |half: &HashMap<String, Read>| {
            half.keys().map(|text| text.len() + BASE_BYTES).sum::<usize>()
        };
        assert!(bytes(&halves.newer) <= BYTES_MAX && bytes(&halves.older) <= BYTES_MAX);
        assert_eq!(bytes(&halves.newer), halves.newer_bytes);
        assert!(halves.newer.len() + halves.older.len() > 500);
    }
}
