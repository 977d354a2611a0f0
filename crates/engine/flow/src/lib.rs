//! The contact-flow language `2019-10-30` of Amazon Connect as a pure state machine.
//!
//! [`load`] reads a flow (the current or the legacy export format) and refuses it with every
//! problem it has. [`Machine`] then runs it: an [`Event`] goes in, [`Effect`]s come out. The
//! machine does no I/O, reads no clock and draws its randomness from a seed in its own
//! [`State`], so the same flow, contact, seed and events always give the same effects: a call
//! can be stored between two events ([`State`] and [`Event`] are serialisable) and replayed.
//!
//! # What a host does
//! 1. `Machine::start(flow, reference, contact, seed)`, then `step(Event::Started)`.
//! 2. Carry out the effects in order. The last ones say what the machine waits for
//!    ([`Machine::waiting`]): finished speech, digits, a Lambda result, a timer, opening hours or
//!    another flow.
//! 3. `step` the event that answers it. Events that do not fit what is awaited are ignored, so a
//!    late answer does no harm. [`Event::CustomerHungUp`] and [`Event::AttributesChanged`] are
//!    always heard.
//! 4. [`Effect::Ended`] is the last effect of a contact.
//!
//! # Limits
//! See [`limits`]. Above all, a contact may take at most [`limits::ACTIONS_PER_TURN_MAX`]
//! actions without the caller or a timer having a turn; then it ends with
//! [`EndReason::ActionLimit`].

mod actions;
mod calling_codes;
mod contact;
mod document;
mod effect;
mod event;
mod legacy;
mod lenient;
pub mod limits;
mod load;
mod machine;
mod model;
mod params;
mod path;
mod problem;
mod random;
mod state;
mod template;

pub use actions::voice::{Voice, language_of_voice};
pub use calling_codes::calling_code;
pub use contact::{Contact, Endpoint, Queue};
pub use effect::{Effect, EndReason, LogEntry, Prompt, PromptKind, ResponseKind};
pub use event::Event;
pub use load::load;
pub use machine::{FlowReference, Machine};
pub use model::{Flow, Format};
pub use problem::{Problem, Problems};
pub use state::{State, Waiting};
