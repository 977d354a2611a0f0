//! What the store holds. Names are keys in lower case: IAM tells no two names apart by case alone,
//! but keeps them as they were written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::Table;

/// Users by (account, name).
pub(crate) const USERS: Table<UserRecord> = Table::new("iam/user");
/// Groups by (account, name).
pub(crate) const GROUPS: Table<GroupRecord> = Table::new("iam/group");
/// Roles by (account, name).
pub(crate) const ROLES: Table<RoleRecord> = Table::new("iam/role");
/// Managed policies of customers by (account, name).
pub(crate) const POLICIES: Table<PolicyRecord> = Table::new("iam/policy");
/// Instance profiles by (account, name).
pub(crate) const PROFILES: Table<ProfileRecord> = Table::new("iam/instance-profile");
/// Access keys by their id alone: that is all a request says of itself.
pub(crate) const KEYS: Table<KeyRecord> = Table::new("iam/access-key");
/// Who uses a managed policy: (account, policy's ARN, [`crate::attach::Usage`], kind, name).
pub(crate) const ATTACHMENTS: Table<()> = Table::new("iam/attachment");
/// Members of groups: (account, group's name, user's name).
pub(crate) const MEMBERS: Table<()> = Table::new("iam/member");
/// Accounts by number.
pub(crate) const ACCOUNTS: Table<AccountRecord> = Table::new("iam/account");
/// How often anything has changed, by account.
pub(crate) const GENERATIONS: Table<u64> = Table::new("iam/generation");

/// Tags in the order they were given; keys are told apart without regard to case.
pub(crate) type Tags = Vec<(String, String)>;

/// What an entity may do by itself.
#[derive(Serialize, Deserialize, Clone, Default)]
pub(crate) struct Grants {
    /// Inline policies: name and document.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct UserRecord {
    pub name: String,
    /// `AIDA…`.
    pub id: String,
    pub path: String,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// ARN of the permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    #[serde(default)]
    pub grants: Grants,
    /// Keys (names in lower case) of the user's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Ids of the user's access keys, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct GroupRecord {
    pub name: String,
    /// `AGPA…`.
    pub id: String,
    pub path: String,
    pub created_ms: i64,
    #[serde(default)]
    pub grants: Grants,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct RoleRecord {
    pub name: String,
    /// `AROA…`.
    pub id: String,
    pub path: String,
    pub created_ms: i64,
    /// The trust policy.
    pub trust: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub max_session_s: i32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// ARN of the permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    #[serde(default)]
    pub grants: Grants,
    /// The service whose role this is: only it may change the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked_service: Option<String>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct PolicyRecord {
    pub name: String,
    /// `ANPA…`.
    pub id: String,
    pub path: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// Number of the default version.
    pub default_version: u32,
    /// Number of the version to be created next: numbers are not used twice.
    pub next_version: u32,
    /// Oldest first.
    pub versions: Vec<VersionRecord>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct VersionRecord {
    pub number: u32,
    pub document: String,
    pub created_ms: i64,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct ProfileRecord {
    pub name: String,
    /// `AIPA…`.
    pub id: String,
    pub path: String,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// Key (name in lower case) of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

/// A long-term access key.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct KeyRecord {
    pub account: String,
    /// Key (name in lower case) of the user; `None` is the account's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    pub active: bool,
    pub created_ms: i64,
    /// The secret, sealed for [`crate::access::SEAL_PURPOSE`], in base 64.
    pub secret: String,
}

/// What belongs to an account as such.
#[derive(Serialize, Deserialize, Clone, Default)]
pub(crate) struct AccountRecord {
    /// Ids of the root's access keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_keys: Vec<String>,
}
