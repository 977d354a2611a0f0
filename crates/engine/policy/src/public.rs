//! Whether a resource's policy opens it to the world, as S3 defines it for BlockPublicPolicy and
//! PolicyStatus.

use crate::condition::Condition;
use crate::policy::{Effect, Named, Policy, Statement};

/// Keys of the language that tie a statement to someone, if their values are fixed.
const FIXED_KEYS: [&str; 10] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
];

impl Policy {
    /// Whether an Allow reaches everybody. `fixed_keys` are the service's own keys (in lower
    /// case) that tie a statement to someone, such as `s3:dataaccesspointarn`.
    ///
    /// A statement for everybody is not public if a condition demands a fixed value for such a
    /// key, or an address in a range that is not too wide (/8 and /32 for IPv6 at the widest).
    /// Denies do not count.
    pub fn is_public(&self, fixed_keys: &[&str]) -> bool {
        self.statements.iter().any(|statement| statement.is_public(fixed_keys))
    }
}

impl Policy {
    /// The same policy without the statements that make it public: what is left of a bucket's
    /// policy when public access is restricted.
    pub fn without_public(&self, fixed_keys: &[&str]) -> Self {
        let mut policy = self.clone();
        policy.statements.retain(|statement| !statement.is_public(fixed_keys));
        policy
    }
}

impl Statement {
    /// Whether this statement alone makes a policy public; see [`Policy::is_public`].
    pub fn is_public(&self, fixed_keys: &[&str]) -> bool {
        let for_everyone = self.principals.as_ref().is_some_and(|principals| {
            principals.is_not || principals.named.contains(&Named::Everyone)
        });
        let is_tied = |condition: &Condition| {
            let key = &*condition.key;
            let is_fixed = FIXED_KEYS.contains(&key) || fixed_keys.contains(&key);
            condition.demands_narrow_address()
                || is_fixed && condition.demands_fixed_value()
                || key == "aws:userid" && condition.demands_fixed_value()
        };
        self.effect == Effect::Allow && for_everyone && !self.conditions.iter().any(is_tied)
    }
}
