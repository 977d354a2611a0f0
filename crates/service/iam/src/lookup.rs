//! What the authoriser asks: whose key this is, and what someone's policies say. Plain functions
//! over a transaction, so that an answer is one consistent state.

use kernel::{SealError, Sealer, StoreError};
use serde::{Deserialize, Serialize};
use store::{ReadTx, Scan, Table, WriteTx};

use crate::record::{GENERATIONS, Grants, GroupRecord, KEYS, RoleRecord, UserRecord};
use crate::{access, arn, entity, managed, trust};

/// Last use by access key id or by unique id of a user or role.
pub(crate) const USES: Table<LastUse> = Table::new("iam/last-use");
/// Last use of a service by (account, unique id of the principal, service).
pub(crate) const SERVICE_USES: Table<LastUse> = Table::new("iam/service-use");

/// A long-term access key.
pub struct Key {
    /// Twelve digits.
    pub account: String,
    /// Signatures are made with it.
    pub secret: String,
    /// `false`: refused.
    pub active: bool,
    /// The user; `None` is the account's root.
    pub user: Option<KeyOwner>,
}

/// The user of a key.
pub struct KeyOwner {
    /// As it is written.
    pub name: String,
    /// With a slash at both ends.
    pub path: String,
    /// `AIDA…`.
    pub id: String,
}

/// Why a key cannot be had.
#[derive(Debug)]
pub enum LookupError {
    /// The store failed.
    Store(StoreError),
    /// The secret was sealed under another installation key.
    Seal(SealError),
}

impl From<StoreError> for LookupError {
    fn from(error: StoreError) -> Self {
        LookupError::Store(error)
    }
}

/// One policy that speaks of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it comes from.
    pub source: Source,
    /// JSON.
    pub document: String,
}

/// Where a policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An inline policy: `user`, `group` or `role`, its name, the policy's name.
    Inline(&'static str, String, String),
    /// A managed policy's ARN.
    Managed(String),
}

/// A user or role and all that says what it may do.
pub struct Identity {
    /// `arn:aws:iam::123456789012:user/…`.
    pub arn: String,
    /// `AIDA…` or `AROA…`.
    pub id: String,
    /// As it is written.
    pub name: String,
    /// Key and value.
    pub tags: Vec<(String, String)>,
    /// Attached and inline policies, a user's groups' too.
    pub policies: Vec<Statement>,
    /// The boundary's policy. It is set and cannot be read: then nothing is allowed.
    pub boundary: Option<Statement>,
}

/// A role and who may assume it.
pub struct AssumableRole {
    /// What the role may do.
    pub identity: Identity,
    /// The trust policy, JSON.
    pub trust: String,
    /// The longest session, in seconds.
    pub max_session_s: i32,
    /// The service whose role this is.
    pub linked_service: Option<String>,
}

/// When something was used last.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct LastUse {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// `s3`.
    pub service: String,
    /// `ap-northeast-2`.
    pub region: String,
}

/// The key of that id, if it exists and its user does.
///
/// # Errors
/// Those of the store, or the secret was sealed under another installation key.
pub fn access_key(tx: &ReadTx, sealer: &Sealer, id: &str) -> Result<Option<Key>, LookupError> {
    let Some(record) = tx.get(&KEYS, id)? else { return Ok(None) };
    let user = match &record.user {
        None => None,
        Some(name) => {
            let found: Option<UserRecord> = entity::find(tx, &record.account, name)?;
            // A key whose user is gone opens nothing.
            let Some(user) = found else { return Ok(None) };
            Some(KeyOwner { name: user.name, path: user.path, id: user.id })
        }
    };
    let secret = access::opened_key(sealer, id, &record).map_err(LookupError::Seal)?;
    Ok(Some(Key { account: record.account, secret, active: record.active, user }))
}

/// How often anything has changed in an account. What was compiled at one number holds for it.
///
/// # Errors
/// Those of the store.
pub fn generation(tx: &ReadTx, account: &str) -> Result<u64, StoreError> {
    Ok(tx.get(&GENERATIONS, account)?.unwrap_or(0))
}

/// A user and everything that says what it may do.
///
/// # Errors
/// Those of the store.
pub fn user(tx: &ReadTx, account: &str, name: &str) -> Result<Option<Identity>, StoreError> {
    let Some(record) = entity::find::<UserRecord>(tx, account, name)? else { return Ok(None) };
    let mut policies = Vec::new();
    granted(tx, account, ("user", &record.name), &record.grants, &mut policies)?;
    for group in &record.groups {
        if let Some(group) = entity::find::<GroupRecord>(tx, account, group)? {
            granted(tx, account, ("group", &group.name), &group.grants, &mut policies)?;
        }
    }
    Ok(Some(Identity {
        arn: arn::of(account, "user", &record.path, &record.name),
        boundary: boundary(tx, account, record.boundary)?,
        id: record.id,
        name: record.name,
        tags: record.tags,
        policies,
    }))
}

/// A role and everything that says what it may do.
///
/// # Errors
/// Those of the store.
pub fn role(tx: &ReadTx, account: &str, name: &str) -> Result<Option<AssumableRole>, StoreError> {
    let Some(record) = entity::find::<RoleRecord>(tx, account, name)? else { return Ok(None) };
    let mut policies = Vec::new();
    granted(tx, account, ("role", &record.name), &record.grants, &mut policies)?;
    let trust = trust::current(tx, account, &record)?;
    Ok(Some(AssumableRole {
        identity: Identity {
            arn: arn::of(account, "role", &record.path, &record.name),
            boundary: boundary(tx, account, record.boundary)?,
            id: record.id,
            name: record.name,
            tags: record.tags,
            policies,
        },
        trust,
        max_session_s: record.max_session_s,
        linked_service: record.linked_service,
    }))
}

/// The policies of a group.
pub(crate) fn group_policies(
    tx: &ReadTx,
    account: &str,
    group: &GroupRecord,
) -> Result<Vec<Statement>, StoreError> {
    let mut policies = Vec::new();
    granted(tx, account, ("group", &group.name), &group.grants, &mut policies)?;
    Ok(policies)
}

/// The document of a managed policy's default version, of AWS or of `account`: also what session
/// policies are given by.
///
/// # Errors
/// Those of the store.
pub fn managed_document(
    tx: &ReadTx,
    account: &str,
    policy_arn: &str,
) -> Result<Option<String>, StoreError> {
    Ok(managed::find(tx, account, policy_arn)?.map(|policy| policy.document().to_owned()))
}

fn granted(
    tx: &ReadTx,
    account: &str,
    (kind, name): (&'static str, &str),
    grants: &Grants,
    out: &mut Vec<Statement>,
) -> Result<(), StoreError> {
    for (policy, document) in &grants.inline {
        let source = Source::Inline(kind, name.to_owned(), policy.clone());
        out.push(Statement { source, document: document.clone() });
    }
    for policy_arn in &grants.attached {
        if let Some(document) = managed_document(tx, account, policy_arn)? {
            out.push(Statement { source: Source::Managed(policy_arn.clone()), document });
        }
    }
    Ok(())
}

fn boundary(
    tx: &ReadTx,
    account: &str,
    policy_arn: Option<String>,
) -> Result<Option<Statement>, StoreError> {
    let Some(policy_arn) = policy_arn else { return Ok(None) };
    // A policy in use cannot be deleted; were it gone all the same, an empty text allows nothing.
    let document = managed_document(tx, account, &policy_arn)?.unwrap_or_default();
    Ok(Some(Statement { source: Source::Managed(policy_arn), document }))
}

/// When a key or role (by its id) was used last.
///
/// # Errors
/// Those of the store.
pub fn last_used(tx: &ReadTx, id: &str) -> Result<Option<LastUse>, StoreError> {
    tx.get(&USES, id)
}

/// Forgets the uses of a principal that goes.
pub(crate) fn forget(tx: &mut WriteTx, account: &str, id: &str) -> crate::error::Result<()> {
    for (key, _) in tx.scan(&SERVICE_USES, Scan::prefix((account, id)))? {
        tx.delete(&SERVICE_USES, key)?;
    }
    Ok(tx.delete(&USES, id)?)
}
