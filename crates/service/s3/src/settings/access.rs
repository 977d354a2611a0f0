//! Who may own and who may open: ownership controls, and the block of public access.

use api_s3::{
    ObjectOwnership, OwnershipControls, OwnershipControlsRule, PublicAccessBlockConfiguration,
};
use kernel::Fault;
use serde::{Deserialize, Serialize};

use super::refusal::{invalid_request, malformed_xml};

/// Whose the objects of a bucket are. New buckets begin with [`Ownership::Enforced`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ownership {
    /// The bucket's owner's; ACLs mean nothing and are refused.
    #[default]
    Enforced,
    /// The bucket's owner's if the writer grants full control.
    Preferred,
    /// The writer's.
    Writer,
}

impl Ownership {
    /// Checks a configuration.
    pub fn from_api(input: OwnershipControls) -> Result<Self, Fault> {
        let mut rules = input.rules.iter();
        let (Some(rule), None) = (rules.next(), rules.next()) else { return Err(malformed_xml()) };
        Self::from_name(&rule.object_ownership)
    }

    /// Reads the value of `x-amz-object-ownership`.
    pub fn from_name(name: &ObjectOwnership) -> Result<Self, Fault> {
        match name {
            ObjectOwnership::BucketOwnerEnforced => Ok(Self::Enforced),
            ObjectOwnership::BucketOwnerPreferred => Ok(Self::Preferred),
            ObjectOwnership::ObjectWriter => Ok(Self::Writer),
            ObjectOwnership::Unknown(_) => Err(malformed_xml()),
        }
    }

    /// As `GetBucketOwnershipControls` shows it.
    pub fn to_api(self) -> OwnershipControls {
        let object_ownership = match self {
            Self::Enforced => ObjectOwnership::BucketOwnerEnforced,
            Self::Preferred => ObjectOwnership::BucketOwnerPreferred,
            Self::Writer => ObjectOwnership::ObjectWriter,
        };
        OwnershipControls { rules: vec![OwnershipControlsRule { object_ownership }] }
    }
}

/// What of public access is blocked. New buckets block all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PublicBlock {
    /// Public ACLs are refused.
    pub block_acls: bool,
    /// Public ACLs that are there count for nothing.
    pub ignore_acls: bool,
    /// Public policies are refused.
    pub block_policy: bool,
    /// A public policy opens nothing but to the account itself and to services.
    pub restrict: bool,
}

impl PublicBlock {
    /// The block of a new bucket.
    pub const ALL: Self =
        Self { block_acls: true, ignore_acls: true, block_policy: true, restrict: true };
    /// That of a bucket whose block was deleted.
    pub const NONE: Self =
        Self { block_acls: false, ignore_acls: false, block_policy: false, restrict: false };

    /// Checks a configuration.
    pub fn from_api(input: &PublicAccessBlockConfiguration) -> Result<Self, Fault> {
        let given = [
            input.block_public_acls,
            input.ignore_public_acls,
            input.block_public_policy,
            input.restrict_public_buckets,
        ];
        if given.iter().all(Option::is_none) {
            return Err(invalid_request("Must specify at least one configuration."));
        }
        let [block_acls, ignore_acls, block_policy, restrict] =
            given.map(|value| value.unwrap_or(false));
        Ok(Self { block_acls, ignore_acls, block_policy, restrict })
    }

    /// As `GetPublicAccessBlock` shows it.
    pub fn to_api(self) -> PublicAccessBlockConfiguration {
        PublicAccessBlockConfiguration {
            block_public_acls: Some(self.block_acls),
            ignore_public_acls: Some(self.ignore_acls),
            block_public_policy: Some(self.block_policy),
            restrict_public_buckets: Some(self.restrict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ownership_is_one_rule() {
        let rule = |name: &str| OwnershipControlsRule { object_ownership: name.into() };
        let read = |rules| Ownership::from_api(OwnershipControls { rules }).ok();
        assert_eq!(read(vec![rule("ObjectWriter")]), Some(Ownership::Writer));
        assert_eq!(read(vec![rule("Nobody")]), None);
        assert_eq!(read(vec![]), None);
        assert_eq!(read(vec![rule("ObjectWriter"), rule("ObjectWriter")]), None);
    }

    #[test]
    fn a_block_says_something() {
        assert!(PublicBlock::from_api(&PublicAccessBlockConfiguration::default()).is_err());
        let input = PublicAccessBlockConfiguration {
            restrict_public_buckets: Some(true),
            ..Default::default()
        };
        let block = PublicBlock::from_api(&input).expect("a block");
        assert_eq!(block, PublicBlock { restrict: true, ..PublicBlock::NONE });
    }
}
