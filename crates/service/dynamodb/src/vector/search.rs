//! A search: every entry of the partition is compared, so the answer is exact.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use store::{Key, ReadTx, Scan};

use super::{VECTORS, VectorIndexRecord};
use crate::expression::bound::Condition;
use crate::item::{Corrupt, StoredItem};
use crate::sse;
use crate::value::Value;

/// What to look for.
pub(crate) struct Search<'a> {
    pub index: &'a VectorIndexRecord,
    pub vector: &'a [f32],
    /// The value of the index's partition, if it has one.
    pub partition: Option<&'a Value>,
    pub filter: Option<&'a Condition>,
    /// How many of the most alike.
    pub top: usize,
}

/// The most alike, best first, and how many bytes were looked at.
pub(crate) struct Found {
    /// Projected items in their stored form, with their scores.
    pub items: Vec<(Bytes, f64)>,
    pub bytes: usize,
}

/// A candidate; the greatest is the least alike, so that the heap gives it up first.
struct Candidate {
    rank: f64,
    score: f64,
    /// Entries in the order of their keys: equal ranks keep it, so answers are repeatable.
    position: usize,
    item: Bytes,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(self.position.cmp(&other.position))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Candidate {}

impl Search<'_> {
    /// Compares all entries.
    pub fn run(&self, tx: &ReadTx) -> Result<Found, Error> {
        let prefix = match self.partition {
            Some(partition) => self.index.partition_prefix(partition),
            None => self.index.prefix(),
        };
        let mut best: BinaryHeap<Candidate> = BinaryHeap::with_capacity(self.top + 1);
        let (mut bytes, mut position) = (0, 0);
        let mut problem = None;
        tx.scan_raw(&VECTORS, &Scan::prefix(Key::from_bytes(prefix)), &mut |key, entry| {
            let entry = match sse::open(&VECTORS, key, entry) {
                Ok(entry) => entry,
                Err(unread) => {
                    problem = Some(unread);
                    return ControlFlow::Break(());
                }
            };
            bytes += entry.len();
            position += 1;
            match self.candidate(&entry, position) {
                Ok(Some(candidate)) => {
                    if best.len() < self.top || best.peek().is_some_and(|worst| candidate < *worst)
                    {
                        best.push(candidate);
                    }
                    if best.len() > self.top {
                        best.pop();
                    }
                }
                Ok(None) => {}
                Err(corrupt) => {
                    problem = Some(corrupt.into());
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        problem.map_or(Ok(()), Err)?;
        let items = best.into_sorted_vec();
        Ok(Found {
            items: items.into_iter().map(|found| (found.item, found.score)).collect(),
            bytes,
        })
    }

    fn candidate(&self, entry: &Bytes, position: usize) -> Result<Option<Candidate>, Corrupt> {
        let at = self.index.dimensions * size_of::<f32>();
        let (vector, item) = entry.split_at_checked(at).ok_or(Corrupt)?;
        if let Some(filter) = self.filter
            && !filter.holds(&StoredItem::new(item)?)?
        {
            return Ok(None);
        }
        let numbers = vector.chunks_exact(size_of::<f32>());
        let numbers = numbers.map(|bytes| bytes.try_into().map_or(0.0, f32::from_le_bytes));
        let distance = self.index.distance;
        let score = distance.score(self.vector, numbers);
        let rank = distance.rank(score);
        Ok(Some(Candidate { rank, score, position, item: entry.slice(at..) }))
    }
}
