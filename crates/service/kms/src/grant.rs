//! Grants: their tokens, and whether one allows a request.

use std::collections::BTreeMap;

use api_kms::{Error, GrantConstraints, GrantListEntry, GrantOperation};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, StoreError, Timestamp};
use serde::{Deserialize, Serialize};
use store::{ReadTx, Scan, WriteTx};

use crate::error::bad_token;
use crate::find::Place;
use crate::record::{GRANTS, GrantRecord, RETIRABLE};

/// What a grant token says. Here grants are effective at once, so a token only names its grant, by
/// an id that nobody guesses: it is no secret of ours and outlives every installation key.
#[derive(Serialize, Deserialize)]
struct Token {
    account: String,
    region: String,
    key: String,
    grant: String,
}

/// Makes a token for a grant.
pub(crate) fn token(place: &Place, grant: &str) -> Result<String, Error> {
    let token = Token {
        account: place.account.clone(),
        region: place.region.clone(),
        key: place.id.clone(),
        grant: grant.to_owned(),
    };
    let plain = serde_json::to_vec(&token).map_err(crate::error::internal)?;
    Ok(BASE64.encode(plain))
}

/// The grant that a token names.
pub(crate) fn of_token(token: &str) -> Result<(Place, String), Error> {
    let read = || serde_json::from_slice::<Token>(&BASE64.decode(token).ok()?).ok();
    let Token { account, region, key, grant } = read().ok_or_else(bad_token)?;
    Ok((Place { account, region, id: key }, grant))
}

/// Refuses a request with a token of no grant.
pub(crate) fn check_tokens(ctx: &Ctx, tokens: Option<&[String]>) -> Result<(), Error> {
    for token in tokens.unwrap_or_default() {
        let (Place { account, region, id }, grant) = of_token(token)?;
        if !ctx.store().read(|tx| tx.contains(&GRANTS, (&account, &region, &id, &grant)))? {
            return Err(bad_token().into());
        }
    }
    Ok(())
}

/// A grant as the API shows it.
pub(crate) fn entry(place: &Place, id: &str, record: &GrantRecord) -> GrantListEntry {
    let (is_service, retiring_is_service) = (record.grantee_is_service, record.retiring_is_service);
    let constraints =
        record.subset.is_some() || record.equals.is_some() || record.source_arn.is_some();
    GrantListEntry {
        key_id: Some(place.arn()),
        grant_id: Some(id.to_owned()),
        name: record.name.clone(),
        creation_date: Some(Timestamp::from_ms(record.created_ms)),
        grantee_principal: Some(record.grantee.clone()),
        grantee_service_principal: is_service.then(|| record.grantee.clone()),
        retiring_principal: record.retiring.clone(),
        retiring_service_principal: record.retiring.clone().filter(|_| retiring_is_service),
        issuing_account: Some(record.issuer.clone()),
        operations: Some(
            record.operations.iter().map(|op| GrantOperation::from(op.as_str())).collect(),
        ),
        constraints: constraints.then(|| GrantConstraints {
            encryption_context_subset: record.subset.clone(),
            encryption_context_equals: record.equals.clone(),
            source_arn: record.source_arn.clone(),
        }),
    }
}

/// Removes a grant. False: there was none.
pub(crate) fn remove(tx: &mut WriteTx, place: &Place, id: &str) -> Result<bool, StoreError> {
    let (account, region, key) = place.key();
    let Some(record) = tx.get(&GRANTS, (account, region, key, id))? else { return Ok(false) };
    tx.delete(&GRANTS, (account, region, key, id))?;
    if let Some(retiring) = &record.retiring {
        tx.delete(&RETIRABLE, (region, retiring, account, key, id))?;
    }
    Ok(true)
}

/// What a request that may rest on a grant is about.
pub struct Request<'a> {
    /// The caller's ARN, and for a session of a role the role's.
    pub principals: &'a [String],
    /// The operation's name in grants, such as `Decrypt` or `ReEncryptFrom`.
    pub operation: &'a str,
    /// The encryption context; empty where the operation has none.
    pub context: &'a BTreeMap<String, String>,
    /// `aws:SourceArn` of a service's request.
    pub source_arn: Option<&'a str>,
}

/// Whether a grant on the key `key_id` allows the request. A key policy's or an identity's explicit
/// Deny still wins: this is only the Allow.
pub fn allows(
    tx: &ReadTx,
    account: &str,
    region: &str,
    key_id: &str,
    request: &Request<'_>,
) -> Result<bool, StoreError> {
    let grants = tx.scan(&GRANTS, Scan::prefix((account, region, key_id)))?;
    Ok(grants.iter().any(|(_, grant)| grant.allows(request)))
}

impl GrantRecord {
    fn allows(&self, request: &Request<'_>) -> bool {
        let context = request.context;
        self.operations.iter().any(|operation| operation == request.operation)
            && request.principals.contains(&self.grantee)
            && self.equals.as_ref().is_none_or(|equals| equals == context)
            && self
                .subset
                .iter()
                .flatten()
                .all(|(key, value)| context.get(key).is_some_and(|found| found == value))
            && self.source_arn.as_deref().is_none_or(|arn| request.source_arn == Some(arn))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn constraints() {
        let grant =
            |subset: Option<&[(&str, &str)]>, equals: Option<&[(&str, &str)]>| GrantRecord {
                name: None,
                created_ms: 0,
                grantee: "arn:aws:iam::111122223333:role/desk".into(),
                grantee_is_service: false,
                retiring: None,
                retiring_is_service: false,
                issuer: "arn:aws:iam::111122223333:root".into(),
                operations: vec!["Decrypt".into()],
                subset: subset.map(pairs),
                equals: equals.map(pairs),
                source_arn: None,
            };
        let check = |grant: &GrantRecord, operation: &str, context: &[(&str, &str)], expected| {
            let principals = ["arn:aws:iam::111122223333:role/desk".to_owned()];
            let context = pairs(context);
            let request =
                Request { principals: &principals, operation, context: &context, source_arn: None };
            assert_eq!(grant.allows(&request), expected, "{operation} {context:?}");
        };
        let free = grant(None, None);
        check(&free, "Decrypt", &[], true);
        check(&free, "Encrypt", &[], false);
        let subset = grant(Some(&[("a", "1")]), None);
        check(&subset, "Decrypt", &[("a", "1"), ("b", "2")], true);
        check(&subset, "Decrypt", &[("a", "2"), ("b", "2")], false);
        check(&subset, "Decrypt", &[], false);
        let equals = grant(None, Some(&[("a", "1")]));
        check(&equals, "Decrypt", &[("a", "1")], true);
        check(&equals, "Decrypt", &[("a", "1"), ("b", "2")], false);
    }
}
