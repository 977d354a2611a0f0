//! What is kept in the store. Private to this service; API shapes are made from it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::Table;

/// Instances: (account, region, instance id).
pub(crate) const INSTANCES: Table<InstanceRecord> = Table::new("connect/instance");
/// Who has an alias: (alias in lower case). Aliases are web addresses, so there is one of each.
pub(crate) const ALIASES: Table<String> = Table::new("connect/alias");
/// Flows: (account, region, instance id, flow id).
pub(crate) const FLOWS: Table<FlowRecord> = Table::new("connect/flow");
/// Which flow has a name: (account, region, instance id, name).
pub(crate) const FLOW_NAMES: Table<String> = Table::new("connect/flow-name");
/// Contents of flows: (account, region, instance id, SHA-256 in hexadecimal).
pub(crate) const CONTENTS: Table<String> = Table::new("connect/flow-content");
/// Lambda functions an instance may invoke: (account, region, instance id, ARN).
pub(crate) const FUNCTIONS: Table<FunctionRecord> = Table::new("connect/function");
/// Claimed numbers: (account, region, number id).
pub(crate) const NUMBERS: Table<NumberRecord> = Table::new("connect/number");
/// Who claimed a number: (number in E.164).
pub(crate) const CLAIMS: Table<ClaimRecord> = Table::new("connect/number-claim");
/// Contacts: (account, region, instance id, contact id).
pub(crate) const CONTACTS: Table<ContactRecord> = Table::new("connect/contact");
/// Answers given to client tokens: (account, region, operation, token).
pub(crate) const TOKENS: Table<TokenRecord> = Table::new("connect/client-token");

/// An instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct InstanceRecord {
    pub(crate) id: String,
    pub(crate) alias: Option<String>,
    pub(crate) identity_management: String,
    pub(crate) created_ms: i64,
    pub(crate) service_role: String,
    pub(crate) inbound_calls: bool,
    pub(crate) outbound_calls: bool,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A flow. It has a published content, a saved one, or both.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FlowRecord {
    pub(crate) id: String,
    pub(crate) name: String,
    /// `CONTACT_FLOW`, `CUSTOMER_QUEUE`, …
    pub(crate) kind: String,
    pub(crate) description: Option<String>,
    pub(crate) published: Option<ContentRecord>,
    pub(crate) saved: ContentRecord,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Which content, and since when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContentRecord {
    pub(crate) sha256: String,
    pub(crate) modified_ms: i64,
}

/// An associated function. The key says it all.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {}

/// A claimed number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NumberRecord {
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) country: String,
    /// `DID` or `TOLL_FREE`.
    pub(crate) kind: String,
    pub(crate) instance_id: String,
    pub(crate) description: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The flow that answers.
    pub(crate) flow_id: Option<String>,
}

/// Who claimed a number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ClaimRecord {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) number_id: String,
}

/// A contact: a call, running or ended.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContactRecord {
    pub(crate) id: String,
    pub(crate) initiation_method: String,
    pub(crate) channel: String,
    pub(crate) customer: String,
    pub(crate) system: String,
    pub(crate) started_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) updated_ms: i64,
    pub(crate) disconnect_reason: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// What was answered to a client token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TokenRecord {
    /// SHA-256 of the parameters, in hexadecimal.
    pub(crate) parameters: String,
    /// The id of what was made.
    pub(crate) id: String,
    pub(crate) expires_ms: i64,
}
