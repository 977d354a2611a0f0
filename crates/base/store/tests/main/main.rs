//! Behaviour of the store, the same on every engine.

mod backup;
mod basics;
mod concurrent;
mod damage;
mod lifecycle;
mod model;
mod support;
