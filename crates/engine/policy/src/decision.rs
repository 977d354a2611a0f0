//! What an evaluation says.

use std::fmt;

use crate::policy::{Effect, Position};

/// The place a policy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyType {
    /// An organisation's limit on resources.
    ResourceControl,
    /// An organisation's limit on principals.
    ServiceControl,
    /// A resource's own policy.
    Resource,
    /// A role's trust policy.
    Trust,
    /// Attached to, or inline in, the user, the user's groups or the role.
    Identity,
    /// The permissions boundary of the user or role.
    Boundary,
    /// Given when the session was made.
    Session,
}

impl PolicyType {
    /// As access-denied messages call it: `no identity-based policy allows …`.
    pub fn name(self) -> &'static str {
        match self {
            PolicyType::ResourceControl => "resource control policy",
            PolicyType::ServiceControl => "service control policy",
            PolicyType::Resource => "resource-based policy",
            PolicyType::Trust => "role trust policy",
            PolicyType::Identity => "identity-based policy",
            PolicyType::Boundary => "permissions boundary",
            PolicyType::Session => "session policy",
        }
    }

    /// With its article: `an explicit deny in an identity-based policy`.
    fn with_article(self) -> &'static str {
        match self {
            PolicyType::ResourceControl => "a resource control policy",
            PolicyType::ServiceControl => "a service control policy",
            PolicyType::Resource => "a resource-based policy",
            PolicyType::Trust => "the role trust policy",
            PolicyType::Identity => "an identity-based policy",
            PolicyType::Boundary => "a permissions boundary",
            PolicyType::Session => "a session policy",
        }
    }
}

/// A statement that applies to the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The kind of policy it stands in.
    pub policy_type: PolicyType,
    /// The name its [`crate::Source`] was given.
    pub source: &'a str,
    /// Its place in the policy, from 0.
    pub index: usize,
    /// Its `Sid`, if it has one that is not empty.
    pub sid: Option<&'a str>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Where it begins in the document.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
}

/// Allowed or denied, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision<'a> {
    /// By this statement. `None`: a root user, whom no policy denies.
    Allowed(Option<Match<'a>>),
    /// For this reason.
    Denied(Denial<'a>),
}

impl Decision<'_> {
    /// Whether the request may go on.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed(_))
    }
}

/// Why a request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial<'a> {
    /// A statement denies it.
    Explicit(Match<'a>),
    /// No policy of this type allows it, and one would have to.
    Implicit(PolicyType),
}

impl Denial<'_> {
    /// The type of policy that is the reason.
    pub fn policy_type(&self) -> PolicyType {
        match self {
            Denial::Explicit(found) => found.policy_type,
            Denial::Implicit(policy_type) => *policy_type,
        }
    }

    /// Whether a statement denies it, rather than none allowing it.
    pub fn is_explicit(&self) -> bool {
        matches!(self, Denial::Explicit(_))
    }

    /// The end of AWS's access-denied message, as the user guide's page on these messages has it:
    /// `because no identity-based policy allows the s3:GetObject action`, or `with an explicit
    /// deny in a resource-based policy`.
    pub fn reason<'b>(&self, action: &'b str) -> impl fmt::Display + use<'b> {
        Reason { policy_type: self.policy_type(), is_explicit: self.is_explicit(), action }
    }
}

struct Reason<'b> {
    policy_type: PolicyType,
    is_explicit: bool,
    action: &'b str,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_explicit {
            write!(f, "with an explicit deny in {}", self.policy_type.with_article())
        } else {
            let name = self.policy_type.name();
            write!(f, "because no {name} allows the {} action", self.action)
        }
    }
}
