//! The model test: random requests against a plain map, with restarts and crashes between them,
//! and histories of concurrent requests that are checked for consistency.
//!
//! `GUREUM_MODEL_SEEDS` sets how many seeds are run (a few if unset), `GUREUM_MODEL_SEED` the
//! first one. A failure names its seed; alone it happens again with `GUREUM_MODEL_SEED=…
//! GUREUM_MODEL_SEEDS=1`. The promise is a million requests over a thousand seeds.

mod appends;
mod concurrent;
mod counters;
mod dice;
mod graph;
mod latches;
mod oracle;
mod reads;
mod requests;
mod simulation;
mod tokens;
mod value;
mod world;
