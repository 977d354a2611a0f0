//! Which items are part of a transaction that is being written.
//!
//! The store alone would serialize everything, one after the other. DynamoDB refuses instead: a
//! write that meets an item of an ongoing transaction fails with a conflict, and clients count on
//! it. So a transaction holds its items from its start until its commit is durable. Nothing is
//! protected by this: where a latch is missed by a hair, the store still orders the two writes.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use store::Key;

/// Places of items that are part of an ongoing transaction.
#[derive(Default)]
pub(crate) struct Latches {
    held: Mutex<HashSet<Key>>,
    /// How many are held: while it is zero, nobody needs the lock.
    count: AtomicUsize,
}

/// Places that one transaction holds; dropping it lets them go.
pub(crate) struct Latch<'a> {
    latches: &'a Latches,
    places: Vec<Key>,
}

impl Latches {
    /// Whether an ongoing transaction has the item at that place.
    pub fn is_held(&self, place: &Key) -> bool {
        self.count.load(Ordering::Acquire) != 0 && self.lock().contains(place)
    }

    /// Takes all places, which are different ones.
    ///
    /// # Errors
    /// Which of them others hold; then none is taken.
    pub fn take(&self, places: &[Key]) -> Result<Latch<'_>, Vec<bool>> {
        let mut held = self.lock();
        let taken: Vec<bool> = places.iter().map(|place| held.contains(place)).collect();
        if taken.contains(&true) {
            return Err(taken);
        }
        held.extend(places.iter().cloned());
        self.count.store(held.len(), Ordering::Release);
        Ok(Latch { latches: self, places: places.to_vec() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latch<'_> {
    /// Whether it holds exactly these places.
    pub fn holds(&self, places: &[Key]) -> bool {
        self.places == places
    }
}

impl Drop for Latch<'_> {
    fn drop(&mut self) {
        let mut held = self.latches.lock();
        self.places.iter().for_each(|place| _ = held.remove(place));
        self.latches.count.store(held.len(), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(names: &[&str]) -> Vec<Key> {
        names.iter().map(|name| Key::of(*name)).collect()
    }

    #[test]
    fn places_are_held_by_one_and_all_or_none_are_taken() {
        let latches = Latches::default();
        let first = latches.take(&keys(&["a", "b"])).expect("free");
        assert!(first.holds(&keys(&["a", "b"])));
        assert_eq!(latches.take(&keys(&["c", "b"])).err(), Some(vec![false, true]));
        assert!(latches.is_held(&Key::of("a")) && !latches.is_held(&Key::of("c")));
        let other = latches.take(&keys(&["c"])).expect("free");
        drop(first);
        assert!(!latches.is_held(&Key::of("b")) && latches.is_held(&Key::of("c")));
        drop(other);
        assert_eq!(latches.count.load(Ordering::Relaxed), 0);
    }
}
