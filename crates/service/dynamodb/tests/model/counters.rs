//! Whether a history of one item that counts up is linearizable.
//!
//! Every write makes the next version and learns its number, so the order of the writes is known,
//! and a read lies between the write it saw and the next one. What is left to check is that no
//! request comes before another that was answered before it began.

/// A request and what it saw or made.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it was begun and when it was answered, by a clock that all share.
    pub start: u64,
    pub end: u64,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Saw this version; zero: no item.
    Read(u64),
    /// Made this version.
    Write(u64),
}

/// Checks a history.
///
/// # Errors
/// What is wrong with it.
pub fn check(history: &[Event]) -> Result<(), String> {
    let mut writes: Vec<u64> = history
        .iter()
        .filter_map(|event| match event.kind {
            Kind::Write(version) => Some(version),
            Kind::Read(_) => None,
        })
        .collect();
    writes.sort_unstable();
    if !writes.iter().copied().eq(1..=writes.len() as u64) {
        return Err(format!("the versions written are {writes:?}"));
    }
    let mut by_start: Vec<&Event> = history.iter().collect();
    by_start.sort_unstable_by_key(|event| event.start);
    let mut by_end = by_start.clone();
    by_end.sort_unstable_by_key(|event| event.end);
    let mut ended = by_end.into_iter().peekable();
    let mut least = 0;
    for event in by_start {
        while let Some(before) = ended.next_if(|before| before.end < event.start) {
            let (Kind::Read(version) | Kind::Write(version)) = before.kind;
            least = version.max(least);
        }
        let fits = match event.kind {
            Kind::Read(version) => least <= version && version <= writes.len() as u64,
            Kind::Write(version) => least < version,
        };
        if !fits {
            return Err(format!("{event:?} began after version {least} was known"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Kind::{Read, Write};
    use super::*;

    fn is_good(history: &[(u64, u64, Kind)]) -> bool {
        let event = |&(start, end, kind): &_| Event { start, end, kind };
        check(&history.iter().map(event).collect::<Vec<_>>()).is_ok()
    }

    #[test]
    fn good_histories_pass() {
        assert!(is_good(&[(0, 1, Write(1)), (2, 3, Read(1)), (4, 5, Write(2)), (6, 7, Read(2))]));
        assert!(is_good(&[(0, 9, Write(2)), (1, 8, Write(1)), (2, 3, Read(0)), (4, 7, Read(2))]));
    }

    #[test]
    fn bad_histories_are_found() {
        // A lost write, and one that happened twice.
        assert!(!is_good(&[(0, 1, Write(1)), (2, 3, Write(1))]));
        assert!(!is_good(&[(0, 1, Write(1)), (2, 3, Write(3))]));
        // An old value after the write was answered.
        assert!(!is_good(&[(0, 1, Write(1)), (2, 3, Read(0))]));
        // Reads that go back.
        assert!(!is_good(&[(0, 9, Write(1)), (1, 2, Read(1)), (3, 4, Read(0))]));
        // Writes in the wrong order.
        assert!(!is_good(&[(0, 1, Write(2)), (2, 3, Write(1))]));
        // A read of what is not written yet.
        assert!(!is_good(&[(0, 1, Read(1)), (2, 3, Write(1))]));
        assert!(!is_good(&[(0, 1, Write(1)), (0, 1, Read(2))]));
    }
}
