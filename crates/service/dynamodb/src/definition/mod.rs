//! What CreateTable and UpdateTable define, checked in DynamoDB's order and words: key schemas,
//! indexes, throughput, tags.

pub(crate) mod index;
pub(crate) mod index_updates;
pub(crate) mod schema;
pub(crate) mod tags;
pub(crate) mod throughput;

use std::fmt;

/// What a definition belongs to.
#[derive(Clone, Copy)]
pub(crate) enum Owner<'a> {
    Table,
    Index(&'a str),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Owner::Table => f.write_str("table"),
            Owner::Index(name) => write!(f, "index {name}"),
        }
    }
}
