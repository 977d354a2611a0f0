//! `GetAccountSummary`: how much there is, and how much there may be.
//!
//! ```text
//! aws iam get-account-summary
//! {"SummaryMap": {"Users": 3, "UsersQuota": 5000, …}}
//! ```

use std::collections::BTreeMap;

use api_iam::{GetAccountSummaryInput, GetAccountSummaryResponse};
use kernel::Ctx;
use store::{ReadTx, Scan};

use crate::Iam;
use crate::entity::count;
use crate::error::Result;
use crate::record::{ACCOUNTS, GROUPS, MFA, OIDC, POLICIES, PROFILES, ROLES, SAML, SERVER, USERS};

/// What AWS allows by default.
const QUOTAS: [(&str, i32); 17] = [
    ("AccessKeysPerUserQuota", 2),
    ("AssumeRolePolicySizeQuota", 2048),
    ("AttachedPoliciesPerGroupQuota", 10),
    ("AttachedPoliciesPerRoleQuota", 10),
    ("AttachedPoliciesPerUserQuota", 10),
    ("GroupPolicySizeQuota", 5120),
    ("GroupsPerUserQuota", 10),
    ("GroupsQuota", 300),
    ("InstanceProfilesQuota", 1000),
    ("PoliciesQuota", 1500),
    ("PolicySizeQuota", 6144),
    ("PolicyVersionsInUseQuota", 10000),
    ("RolePolicySizeQuota", 10240),
    ("RolesQuota", 1000),
    ("ServerCertificatesQuota", 20),
    ("SigningCertificatesPerUserQuota", 2),
    ("UserPolicySizeQuota", 2048),
];

pub(crate) async fn get_account_summary(
    _: &Iam,
    ctx: &Ctx,
    _: GetAccountSummaryInput,
) -> Result<GetAccountSummaryResponse> {
    let counts = ctx.store().read(|tx| counts(tx, ctx.account()))?;
    let more = [("UsersQuota", 5000), ("VersionsPerPolicyQuota", 5)];
    let all = counts.into_iter().chain(QUOTAS).chain(more);
    let map: BTreeMap<String, i32> = all.map(|(name, n)| (name.to_owned(), n)).collect();
    Ok(GetAccountSummaryResponse { summary_map: Some(map) })
}

fn counts(tx: &ReadTx, account: &str) -> Result<Vec<(&'static str, i32)>> {
    let own = tx.get(&ACCOUNTS, account)?.unwrap_or_default();
    let devices = tx.scan(&MFA, Scan::prefix(account))?;
    let used = devices.iter().filter(|(_, device)| device.user_id.is_some()).count();
    let root = devices.iter().any(|(_, device)| device.user_id.as_deref() == Some(account));
    let policies = tx.scan(&POLICIES, Scan::prefix(account))?;
    let versions: usize = policies.iter().map(|(_, policy)| policy.versions.len()).sum();
    let providers = count(tx, &OIDC, account)? + count(tx, &SAML, account)?;
    let found = [
        ("AccountAccessKeysPresent", usize::from(!own.root_keys.is_empty())),
        ("AccountMFAEnabled", usize::from(root)),
        // The root has no password and no certificate here.
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("GlobalEndpointTokenVersion", own.token_version.max(1) as usize),
        ("Groups", count(tx, &GROUPS, account)?),
        ("InstanceProfiles", count(tx, &PROFILES, account)?),
        ("MFADevices", devices.len()),
        ("MFADevicesInUse", used),
        ("Policies", policies.len()),
        ("PolicyVersionsInUse", versions),
        ("Providers", providers),
        ("Roles", count(tx, &ROLES, account)?),
        ("ServerCertificates", count(tx, &SERVER, account)?),
        ("Users", count(tx, &USERS, account)?),
    ];
    Ok(found.into_iter().map(|(name, n)| (name, n as i32)).collect())
}
