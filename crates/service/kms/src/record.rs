//! What is stored of keys, and where.

use std::collections::BTreeMap;

use api_kms::{KeySpec, KeyState, KeyUsageType};
use serde::{Deserialize, Serialize};
use store::{Table, TimerId};

/// By account, region and key id.
pub(crate) const KEYS: Table<KeyRecord> = Table::new("kms/key");
/// Key material by account, home and key id. The home is the key's region, or empty when all
/// regions of a multi-region key share it.
pub(crate) const RINGS: Table<Ring> = Table::new("kms/ring");
/// By account, region and alias name with its prefix `alias/`.
pub(crate) const ALIASES: Table<AliasRecord> = Table::new("kms/alias");
/// Aliases by account, region, key id and name.
pub(crate) const ALIASES_OF: Table<()> = Table::new("kms/alias-of");
/// By account, region, key id and grant id.
pub(crate) const GRANTS: Table<GrantRecord> = Table::new("kms/grant");
/// Grants by region, retiring principal, account, key id and grant id.
pub(crate) const RETIRABLE: Table<()> = Table::new("kms/retirable");
/// By account, region and key id.
pub(crate) const USAGE: Table<UsageRecord> = Table::new("kms/usage");

/// A key in one region.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyRecord {
    pub(crate) created_ms: i64,
    pub(crate) description: String,
    pub(crate) usage: String,
    pub(crate) spec: String,
    /// Whether the material is imported (`EXTERNAL`) or ours (`AWS_KMS`).
    pub(crate) external: bool,
    /// Made for a service by itself (`KeyManager` `AWS`).
    #[serde(default)]
    pub(crate) managed: bool,
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) deletion: Option<Deletion>,
    #[serde(default)]
    pub(crate) multi_region: Option<MultiRegion>,
    pub(crate) policy: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    /// Material must be there to be of use; kept here so that a state needs one record.
    pub(crate) has_material: bool,
    /// Of imported material.
    #[serde(default)]
    pub(crate) valid_to_ms: Option<i64>,
}

/// A key that waits for its end.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) window_days: i32,
    /// `None`: a primary key that waits for its replicas to go.
    pub(crate) at_ms: Option<i64>,
    pub(crate) timer: Option<TimerId>,
}

/// The regions of a multi-region key; every region's record holds the same.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MultiRegion {
    pub(crate) primary: String,
    pub(crate) replicas: Vec<String>,
}

impl KeyRecord {
    pub(crate) fn spec(&self) -> KeySpec {
        KeySpec::from(self.spec.as_str())
    }

    pub(crate) fn usage(&self) -> KeyUsageType {
        KeyUsageType::from(self.usage.as_str())
    }

    pub(crate) fn state(&self) -> KeyState {
        match &self.deletion {
            Some(Deletion { at_ms: None, .. }) => KeyState::PendingReplicaDeletion,
            Some(_) => KeyState::PendingDeletion,
            None if !self.has_material => KeyState::PendingImport,
            None if self.enabled => KeyState::Enabled,
            None => KeyState::Disabled,
        }
    }

    /// Whether all regions share one ring.
    pub(crate) fn shares_ring(&self) -> bool {
        self.multi_region.is_some() && !self.external
    }

    /// The home of the ring of this key in `region`.
    pub(crate) fn home<'a>(&self, region: &'a str) -> &'a str {
        if self.shares_ring() { "" } else { region }
    }

    pub(crate) fn is_replica(&self, region: &str) -> bool {
        self.multi_region.as_ref().is_some_and(|regions| regions.primary != region)
    }
}

/// All material of a key, and how it changes.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Ring {
    /// Id of the material that encrypts and signs.
    pub(crate) current: Option<String>,
    /// Oldest first.
    pub(crate) materials: Vec<Material>,
    /// Automatic rotation.
    #[serde(default)]
    pub(crate) rotation: Option<Rotation>,
    /// The last period, kept when rotation is switched off.
    #[serde(default)]
    pub(crate) period_days: Option<i32>,
}

/// Automatic rotation of a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Rotation {
    pub(crate) period_days: i32,
    pub(crate) next_ms: i64,
    pub(crate) timer: TimerId,
}

/// One version of key material.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Material {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// Base 64 of what the installation key sealed; `None` when imported material was deleted or
    /// has expired.
    pub(crate) sealed: Option<String>,
    /// How it came to be current; `None` for the first.
    #[serde(default)]
    pub(crate) rotation: Option<RotationKind>,
    /// When it became current; `None`: imported, and pending rotation.
    pub(crate) current_since_ms: Option<i64>,
    #[serde(default)]
    pub(crate) import: Option<Import>,
}

/// Why material changed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RotationKind {
    Automatic,
    OnDemand,
}

/// Facts of imported material.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Import {
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) valid_to_ms: Option<i64>,
    #[serde(default)]
    pub(crate) timer: Option<TimerId>,
}

/// A name for a key.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AliasRecord {
    pub(crate) key_id: String,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
}

/// A grant. Names of operations and principals as the request gave them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GrantRecord {
    #[serde(default)]
    pub(crate) name: Option<String>,
    pub(crate) created_ms: i64,
    pub(crate) grantee: String,
    /// The grantee is a service's name.
    #[serde(default)]
    pub(crate) grantee_is_service: bool,
    #[serde(default)]
    pub(crate) retiring: Option<String>,
    #[serde(default)]
    pub(crate) retiring_is_service: bool,
    /// ARN of the account's root.
    pub(crate) issuer: String,
    pub(crate) operations: Vec<String>,
    #[serde(default)]
    pub(crate) subset: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) equals: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) source_arn: Option<String>,
}

/// The last use of a key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsageRecord {
    pub(crate) operation: String,
    pub(crate) at_ms: i64,
    pub(crate) request_id: String,
}
