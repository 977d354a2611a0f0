//! `AssumeRoleWithSAML`: a session of a role for who shows a response of a SAML provider that the
//! role's account knows.
//!
//! ```text
//! aws sts assume-role-with-saml --role-arn arn:aws:iam::111122223333:role/desk \
//!     --principal-arn arn:aws:iam::111122223333:saml-provider/office --saml-assertion PHNhbWxwO…
//! {"Subject": "kim", "Issuer": "https://office.example", "Credentials": {…}, …}
//! ```

use api_iam::{Client, GetSAMLProviderRequest};
use api_sts::{
    AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, Error, ExpiredTokenException,
    IDPRejectedClaimException, InvalidIdentityTokenException,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Arn, Ctx, Fault, FederatedFacts, SessionFacts};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use super::assume_role::assumed_role_user;
use crate::fault::invalid;
use crate::role;
use crate::saml::dsig::decode;
use crate::saml::metadata::Metadata;
use crate::saml::response::{self, Assertion, SamlError};
use crate::trust::{Wanted, refused};
use crate::{Sts, session};

const ACTION: &str = "sts:AssumeRoleWithSAML";
const DURATION_S: i32 = 3600;

pub(crate) async fn assume_role_with_saml(
    _: &Sts,
    ctx: &Ctx,
    input: AssumeRoleWithSAMLRequest,
) -> Result<AssumeRoleWithSAMLResponse, Error> {
    let (account, _) = role::parse_arn(&input.role_arn)?;
    let xml = decode(&input.saml_assertion)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| bad(SamlError::Invalid))?;
    let metadata = metadata(ctx, &account, &input.principal_arn).await?;
    let now_ms = ctx.now().epoch_ms;
    let assertion = response::read(&xml, &metadata, now_ms).map_err(bad)?;
    if !assertion.offers(&input.role_arn, &input.principal_arn) {
        return Err(refused(ACTION));
    }
    let Some(role) = role::find(ctx, &input.role_arn).await? else {
        return Err(refused(ACTION));
    };
    let session_name = session_name(&assertion)?;
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let ends_ms = now_ms + i64::from(duration_s) * 1000;
    let ends_ms = assertion.session_ends_ms.map_or(ends_ms, |cap| ends_ms.min(cap));
    let federated = federated(&assertion, &account, &input.principal_arn);
    let name_qualifier = name_qualifier(&assertion, &account, &input.principal_arn);
    let mut facts = SessionFacts {
        source_identity: source_identity(&assertion)?,
        federated: Some(federated),
        ..SessionFacts::new(now_ms, ends_ms)
    };
    let transitive = assertion.values("TransitiveTagKeys").to_vec();
    session::set_tags(&mut facts, assertion.tags(), transitive, None)?;
    let wanted = Wanted {
        action: ACTION,
        role_arn: &input.role_arn,
        session_name: &session_name,
        duration_s: input.duration_seconds,
        external_id: None,
        has_mfa: false,
        facts: &facts,
        inherited: &[],
    };
    wanted.admit(ctx, &role, &input.principal_arn)?;
    role.check_duration(duration_s)?;
    session::set_policies(&mut facts, input.policy, input.policy_arns)?;
    let source_identity = facts.source_identity.clone();
    let principal = role.session(session_name, facts);
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(AssumeRoleWithSAMLResponse {
        credentials: Some(issued.credentials),
        assumed_role_user: Some(assumed_role_user(&principal)),
        packed_policy_size: issued.packed_policy_size,
        subject: Some(assertion.subject),
        subject_type: Some(assertion.subject_type),
        issuer: Some(assertion.issuer),
        audience: Some(assertion.recipient),
        name_qualifier: Some(name_qualifier),
        source_identity,
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}

/// The metadata of a provider, which must be of the role's account.
async fn metadata(ctx: &Ctx, account: &str, arn: &str) -> Result<Metadata, Error> {
    let parsed = Arn::parse(arn).map_err(|_| invalid(format!("{arn} is invalid")))?;
    let unknown = || bad_token("Specified provider doesn't exist.");
    if parsed.account != account || !parsed.resource.starts_with("saml-provider/") {
        return Err(unknown());
    }
    let iam = ctx.kernel().service_ctx(role::SERVICE, account, ctx.region()).client::<Client>();
    let asked = GetSAMLProviderRequest { saml_provider_arn: arn.to_owned() };
    let found = match iam.get_saml_provider(asked).await {
        Ok(found) => found,
        Err(fault) if fault.code == "NoSuchEntity" => return Err(unknown()),
        Err(fault) => return Err(Fault::internal(fault).into()),
    };
    let document = found.saml_metadata_document.unwrap_or_default();
    Metadata::parse(&document).ok_or_else(|| bad_token("Could not parse metadata."))
}

fn session_name(assertion: &Assertion) -> Result<String, Error> {
    let name = assertion.value("RoleSessionName").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| bad_token("RoleSessionName is required in AuthnResponse"))?;
    match session::is_name(name) {
        true => Ok(name.to_owned()),
        false => {
            Err(bad_token("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"))
        }
    }
}

fn source_identity(assertion: &Assertion) -> Result<Option<String>, Error> {
    let Some(source) = assertion.value("SourceIdentity") else { return Ok(None) };
    match session::is_name(source) && session::check_source_identity(source).is_ok() {
        true => Ok(Some(source.to_owned())),
        false => Err(bad_token(session::BAD_SOURCE_IDENTITY)),
    }
}

/// A hash by which subjects of several providers can be told apart: of issuer, account and name.
fn name_qualifier(assertion: &Assertion, account: &str, provider: &str) -> String {
    let name = provider.rsplit('/').next().unwrap_or_default();
    let text = format!("{}{account}/{name}", assertion.issuer);
    BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// The keys that trust and other policies may ask for.
fn federated(assertion: &Assertion, account: &str, provider: &str) -> FederatedFacts {
    let name = provider.rsplit('/').next().unwrap_or_default();
    let keys = [
        ("SAML:aud", assertion.recipient.clone()),
        ("SAML:iss", assertion.issuer.clone()),
        ("SAML:sub", assertion.subject.clone()),
        ("SAML:sub_type", assertion.subject_type.clone()),
        ("SAML:doc", format!("{account}/{name}")),
        ("SAML:namequalifier", name_qualifier(assertion, account, provider)),
    ];
    let keys = keys.into_iter().filter(|(_, value)| !value.is_empty());
    FederatedFacts {
        provider: provider.to_owned(),
        keys: keys.map(|(key, value)| (key.to_owned(), vec![value])).collect(),
    }
}

fn bad_token(message: impl Into<String>) -> Error {
    InvalidIdentityTokenException { message: Some(message.into()) }.into()
}

fn bad(error: SamlError) -> Error {
    let message = Some(error.to_string());
    match error {
        SamlError::Expired => ExpiredTokenException { message }.into(),
        SamlError::Status => IDPRejectedClaimException { message }.into(),
        _ => InvalidIdentityTokenException { message }.into(),
    }
}
