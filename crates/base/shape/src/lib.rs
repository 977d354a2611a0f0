//! Schemas as data, and values that carry them.
//!
//! A service's model is a table ([`Model`]) parsed once; generated structs
//! implement [`Struct`] by pointing into it. A codec is written once against
//! `&dyn Struct` and serves every service, so the cost is `shapes + codecs`
//! rather than `shapes × codecs`. Nothing here does I/O or is asynchronous.
//!
//! ```text
//! bytes ──codec──▶ Fields ──▶ &mut dyn Value      (reading; absent required members noted)
//! &dyn Struct ──▶ View ──codec──▶ bytes           (writing)
//! &dyn Struct ──validate──▶ Vec<Problem>          (constraints, before any handler)
//! ```

pub mod access;
pub mod botocore;
mod constraint;
mod document;
mod dynamic;
pub mod event_stream;
mod fault;
pub mod json;
mod macros;
mod model;
mod prepared;
mod reading;
mod redact;
mod stream;
mod time;
mod value;

pub use constraint::{Constraint, Problem, problems_message, validate};
pub use document::Document;
pub use dynamic::Dynamic;
pub use fault::{Fault, More};
pub use model::{
    ErrorTrait, Kind, Location, Member, Model, Operation, Pattern, Protocol, ServiceInfo, Shape,
    TimeFormat, XmlNamespace,
};
pub use prepared::Prepared;
pub use reading::{Fields, MAX_DEPTH, Mismatch, Reading};
pub use redact::fmt_redacted;
pub use stream::{ByteStream, Pieces, Source};
pub use time::{Timestamp, TimestampError};
pub use value::{Blob, List, Map, Scalar, Struct, Value, View};
