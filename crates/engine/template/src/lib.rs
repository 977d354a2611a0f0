//! CloudFormation and SAM templates: read with positions, evaluated, and seen as what runs.
//!
//! ```text
//! text ─ yaml ─→ Node ─ Template::parse ─→ Template ─ evaluate(Inputs) ─→ Stack ─ sam::model ─→ functions, APIs
//! ```
//!
//! No input or output, no AWS calls, no clock. Every error says line and column. Text is hostile:
//! size, depth and the growth by aliases are bounded.

mod advice;
mod evaluate;
mod functions;
mod intrinsic;
mod naming;
mod node;
mod order;
mod parameters;
mod template;
mod write;
mod yaml;

pub mod sam;

pub use evaluate::{Inputs, Resource, Stack};
pub use node::{Error, Key, Node, Position, Value};
pub use template::Template;
pub use write::to_yaml;
