//! Behaviour of the store, the same on every engine.

mod basics;
mod support;
