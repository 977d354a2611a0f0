//! What the store holds. Names are keys in lower case: IAM tells no two names apart by case alone,
//! but keeps them as they were written.

use std::collections::{BTreeMap, BTreeSet};

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

/// Passwords by (account, user's id).
pub(crate) const LOGINS: Table<LoginRecord> = Table::new("iam/login");
/// OpenID Connect providers by (account, address without scheme).
pub(crate) const OIDC: Table<OidcRecord> = Table::new("iam/oidc-provider");
/// SAML providers by (account, name).
pub(crate) const SAML: Table<SamlRecord> = Table::new("iam/saml-provider");
/// Virtual MFA devices by (account, serial number).
pub(crate) const MFA: Table<MfaRecord> = Table::new("iam/mfa-device");
/// SSH keys by (account, user's id, key's id).
pub(crate) const SSH_KEYS: Table<SshKeyRecord> = Table::new("iam/ssh-key");
/// Signing certificates by (account, user's id, certificate's id).
pub(crate) const SIGNING: Table<SigningRecord> = Table::new("iam/signing-certificate");
/// Server certificates by (account, name).
pub(crate) const SERVER: Table<ServerRecord> = Table::new("iam/server-certificate");
/// Credentials for one service by (account, user's id, credential's id).
pub(crate) const SERVICE_CREDENTIALS: Table<ServiceCredentialRecord> =
    Table::new("iam/service-credential");
/// Credential reports by account.
pub(crate) const REPORTS: Table<ReportRecord> = Table::new("iam/credential-report");
/// Reports on last access by (account, job's id).
pub(crate) const JOBS: Table<JobRecord> = Table::new("iam/access-job");

/// Deletions of service-linked roles by (account, task's id).
pub(crate) const DELETIONS: Table<i64> = Table::new("iam/deletion-task");
/// The account of an alias: aliases are of the whole cloud.
pub(crate) const ALIASES: Table<String> = Table::new("iam/account-alias");

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
    /// Users and roles that it names, with their unique ids: one of the same name that is made
    /// later is not trusted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted: Vec<(String, String)>,
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
    /// The secret, sealed.
    pub secret: String,
}

/// What belongs to an account as such.
#[derive(Serialize, Deserialize, Clone, Default)]
pub(crate) struct AccountRecord {
    /// Ids of the root's access keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passwords: Option<PasswordRules>,
    /// Of `GlobalEndpointTokenVersion`; 0 stands for 1, which accounts begin with.
    #[serde(default)]
    pub token_version: i32,
    /// STS makes tokens for others that say who somebody of this account is.
    #[serde(default)]
    pub outbound_federation: bool,
    /// What the account may do for root users of its organization: `RootSessions`, ….
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub root_access: BTreeSet<String>,
}

/// The account's password policy.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct PasswordRules {
    pub length_min: i32,
    pub symbols: bool,
    pub numbers: bool,
    pub upper: bool,
    pub lower: bool,
    /// Users may change their own.
    pub own_change: bool,
    /// `None`: they do not expire.
    pub age_days_max: Option<i32>,
    /// How many former ones must not come back.
    pub reuse: Option<i32>,
    pub hard_expiry: Option<bool>,
}

/// A user's password.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct LoginRecord {
    pub created_ms: i64,
    pub changed_ms: i64,
    pub reset_required: bool,
    /// A hash ([`crate::password`]), sealed.
    pub hash: String,
    /// Former hashes, newest first, as many as a policy can forbid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_ms: Option<i64>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct OidcRecord {
    /// Without scheme.
    pub url: String,
    pub clients: Vec<String>,
    pub thumbprints: Vec<String>,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct SamlRecord {
    pub name: String,
    /// Random, told as `SAMLProviderUUID`.
    pub id: String,
    pub metadata: String,
    pub created_ms: i64,
    pub valid_until_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// Assertions must be encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_required: Option<bool>,
    /// Keys that open encrypted assertions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<SamlKey>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct SamlKey {
    pub id: String,
    pub added_ms: i64,
    /// PEM, sealed.
    pub key: String,
}

/// A virtual MFA device.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct MfaRecord {
    /// The ARN.
    pub serial: String,
    /// 64 random bytes, sealed.
    pub seed: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
    /// Unique id of the user, or the account for its root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(default)]
    pub enabled_ms: i64,
    /// The newest time step whose code was taken: no code is taken twice.
    #[serde(default)]
    pub last_step: i64,
    /// By how many steps the device's clock is ahead of ours.
    #[serde(default)]
    pub drift: i64,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct SshKeyRecord {
    /// `ssh-rsa …`.
    pub body: String,
    pub active: bool,
    pub uploaded_ms: i64,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct SigningRecord {
    /// PEM.
    pub body: String,
    pub active: bool,
    pub uploaded_ms: i64,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct ServerRecord {
    pub name: String,
    /// `ASCA…`.
    pub id: String,
    pub path: String,
    /// PEM.
    pub body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// PEM, sealed.
    pub key: String,
    pub uploaded_ms: i64,
    pub expires_ms: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Tags,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct ServiceCredentialRecord {
    /// `codecommit.amazonaws.com`.
    pub service: String,
    pub user_name: String,
    /// Sealed.
    pub secret: String,
    pub active: bool,
    pub created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<i64>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct ReportRecord {
    pub csv: String,
    pub made_ms: i64,
}

/// A report on what an entity, or those a policy is attached to, used last.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct JobRecord {
    pub made_ms: i64,
    pub services: Vec<JobService>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct JobService {
    /// `s3`.
    pub service: String,
    /// Who used it, latest first.
    pub uses: Vec<JobUse>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct JobUse {
    pub at_ms: i64,
    pub region: String,
    pub arn: String,
    pub name: String,
    pub id: String,
    pub path: String,
    /// `USER` or `ROLE`.
    pub kind: String,
}
