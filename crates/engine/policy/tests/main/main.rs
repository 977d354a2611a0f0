//! The policy engine, from outside.

mod against_slow;
mod decide;
mod malformed;
mod public;
mod random;
mod slow;
