//! The `gureum` binary.
fn main() {}
