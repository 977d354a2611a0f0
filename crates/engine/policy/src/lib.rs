//! The language of IAM policies: reading documents, deciding requests, saying why.
//!
//! Pure: no I/O, no clock, no store. Everything about a request that is not in the policies comes
//! from [`Principal`] and a lazily asked [`Context`].
//!
//! ```
//! use policy::{evaluate, Kind, NoContext, Policies, Policy, Principal, Request, Source};
//!
//! let text = r#"{"Version": "2012-10-17", "Statement":
//!     {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::reports/*"}}"#;
//! let reports = Policy::parse(text, Kind::Identity)?;
//! let request = Request {
//!     action: "s3:GetObject",
//!     resource: "arn:aws:s3:::reports/2026.csv",
//!     resource_account: None,
//!     principal: Principal::user("arn:aws:iam::123456789012:user/ann"),
//!     context: &NoContext,
//! };
//! let identity = [Source::new("reports", &reports)];
//! let policies = Policies { identity: &identity, ..Policies::default() };
//! assert!(evaluate(&policies, &request).is_allowed());
//! # Ok::<(), policy::Malformed>(())
//! ```
//!
//! # Order
//! An explicit deny anywhere wins. Then, as the user guide's flow chart has it: resource control
//! policies, service control policies, the resource's policy (which in the same account may be
//! enough), identity policies, permissions boundary, session policies. See [`evaluate`].
//!
//! # Limits
//! See [`limits`]. Matching a wildcard never backtracks more than once per character of the text.

mod arn;
mod condition;
mod context;
mod decision;
mod evaluate;
mod explain;
mod glob;
mod json;
pub mod limits;
mod malformed;
mod policy;
mod principal;
mod public;
mod read;
mod suggest;
mod template;
mod validate;

pub use context::{Context, NoContext, Values};
pub use decision::{Decision, Denial, Match, PolicyType};
pub use evaluate::{Policies, Request, ResourceRule, Source, evaluate};
pub use explain::{Explanation, explain};
pub use malformed::Malformed;
pub use policy::{Effect, Kind, Policy, Position, Statement};
pub use principal::{Principal, Who};
pub use suggest::{Suggestion, smallest, suggest};
pub use template::matches_wildcards;
