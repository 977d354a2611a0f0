//! `AssumeRoleWithWebIdentity`: a session of a role for who shows a token of an OpenID Connect
//! provider that the role's account knows.
//!
//! ```text
//! aws sts assume-role-with-web-identity --role-arn arn:aws:iam::111122223333:role/desk \
//!     --role-session-name kim --web-identity-token eyJhbGciOiJSUzI1NiIs…
//! {"SubjectFromWebIdentityToken": "kim", "Audience": "desk", "Credentials": {…}, …}
//! ```

use api_iam::{Client, GetOpenIDConnectProviderRequest};
use api_sts::{
    AssumeRoleWithWebIdentityRequest, AssumeRoleWithWebIdentityResponse, Error,
    ExpiredTokenException, IDPCommunicationErrorException, InvalidIdentityTokenException,
};
use kernel::{Ctx, Fault, FederatedFacts, SessionFacts};

use super::assume_role::assumed_role_user;
use crate::fault::invalid;
use crate::role;
use crate::trust::{Wanted, refused};
use crate::web::claims::{self, ClaimError, Claims};
use crate::web::issuer::{IssuerError, Provider, thumbprint};
use crate::web::jwt::{self, JwtError};
use crate::{Sts, session};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
const DURATION_S: i32 = 3600;
/// The provider that every account knows without making it: <https://accounts.google.com>. Its
/// client ids are checked by trust policies.
const GOOGLE: &str = "accounts.google.com";

pub(crate) async fn assume_role_with_web_identity(
    api: &Sts,
    ctx: &Ctx,
    input: AssumeRoleWithWebIdentityRequest,
) -> Result<AssumeRoleWithWebIdentityResponse, Error> {
    let (account, _) = role::parse_arn(&input.role_arn)?;
    if input.provider_id.is_some() {
        // OAuth 2.0 access tokens of two providers, which only they themselves can check.
        return Err(invalid("The provider id is not supported: only OpenID Connect tokens are."));
    }
    let verified = verify(api, ctx, &account, &input.web_identity_token).await?;
    let Some(role) = role::find(ctx, &input.role_arn).await? else {
        return Err(refused(ACTION));
    };
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let now_ms = ctx.now().epoch_ms;
    let mut facts = SessionFacts {
        source_identity: verified.claims.source_identity.clone(),
        federated: Some(verified.federated()),
        ..SessionFacts::new(now_ms, now_ms + i64::from(duration_s) * 1000)
    };
    if let Some(source) = &facts.source_identity {
        check_source_identity(source)?;
    }
    let (tags, transitive) = (verified.claims.tags, verified.claims.transitive_tag_keys);
    session::set_tags(&mut facts, tags, transitive, None)?;
    let wanted = Wanted {
        action: ACTION,
        role_arn: &input.role_arn,
        session_name: &input.role_session_name,
        duration_s: input.duration_seconds,
        external_id: None,
        has_mfa: false,
        facts: &facts,
        inherited: &[],
    };
    wanted.admit(ctx, &role, &verified.provider.name)?;
    role.check_duration(duration_s)?;
    session::set_policies(&mut facts, input.policy, input.policy_arns)?;
    let source_identity = facts.source_identity.clone();
    let principal = role.session(input.role_session_name, facts);
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(AssumeRoleWithWebIdentityResponse {
        credentials: Some(issued.credentials),
        subject_from_web_identity_token: Some(verified.claims.subject),
        assumed_role_user: Some(assumed_role_user(&principal)),
        packed_policy_size: issued.packed_policy_size,
        provider: Some(verified.provider.name),
        audience: Some(verified.audience),
        source_identity,
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}

/// A token that is what it says.
struct Verified {
    provider: Provider,
    claims: Claims,
    audience: String,
}

impl Verified {
    /// What policies may ask of it later.
    fn federated(&self) -> FederatedFacts {
        let claims = &self.claims;
        let prefix = without_scheme(&self.provider.issuer);
        let mut keys = vec![
            (format!("{prefix}:aud"), vec![self.audience.clone()]),
            (format!("{prefix}:sub"), vec![claims.subject.clone()]),
        ];
        if let Some(original) = &claims.original_audience {
            keys.push((format!("{prefix}:oaud"), vec![original.clone()]));
        }
        if let Some(email) = &claims.email {
            keys.push((format!("{prefix}:email"), vec![email.clone()]));
        }
        if !claims.methods.is_empty() {
            keys.push((format!("{prefix}:amr"), claims.methods.clone()));
        }
        FederatedFacts { provider: self.provider.name.clone(), keys }
    }
}

/// Verifies a token for an account: its provider, audience, times and signature.
async fn verify(api: &Sts, ctx: &Ctx, account: &str, token: &str) -> Result<Verified, Error> {
    let token = jwt::parse(token).map_err(|error: JwtError| bad_token(error.to_string()))?;
    let issuer = claims::issuer(&token.claims).map_err(bad_claim)?;
    let Known { provider, client_ids } = provider(ctx, account, issuer).await?;
    let claims = Claims::read(&token.claims).map_err(bad_claim)?;
    let audience = match &client_ids {
        Some(ids) => claims.audience(ids).map_err(bad_claim)?.to_owned(),
        None => claims.audiences.first().cloned().unwrap_or_default(),
    };
    claims.check_time(ctx.now().epoch_ms.div_euclid(1000)).map_err(bad_claim)?;
    api.issuers.verify(ctx, &provider, &token).await.map_err(|error| match error {
        IssuerError::Unreachable(_) => {
            IDPCommunicationErrorException { message: Some(error.to_string()) }.into()
        }
        IssuerError::NoKey(_) | IssuerError::Forged => bad_token(error.to_string()),
    })?;
    Ok(Verified { provider, claims, audience })
}

/// A provider that an account knows.
struct Known {
    provider: Provider,
    /// Whom its tokens may be for; `None` leaves it to the trust policy.
    client_ids: Option<Vec<String>>,
}

async fn provider(ctx: &Ctx, account: &str, issuer: &str) -> Result<Known, Error> {
    // IAM's records and ARNs have no slash at the end; an issuer may.
    let name = without_scheme(issuer);
    if name == GOOGLE {
        let provider = Provider {
            name: GOOGLE.to_owned(),
            issuer: format!("https://{GOOGLE}"),
            thumbprints: Vec::new(),
        };
        return Ok(Known { provider, client_ids: None });
    }
    let arn = format!("arn:aws:iam::{account}:oidc-provider/{name}");
    let unknown =
        || bad_token(format!("No OpenIDConnect provider found in your account for {issuer}"));
    if name == issuer || name.is_empty() || arn.len() > 2048 {
        return Err(unknown());
    }
    let iam = ctx.kernel().service_ctx(role::SERVICE, account, ctx.region()).client::<Client>();
    let asked = GetOpenIDConnectProviderRequest { open_id_connect_provider_arn: arn.clone() };
    let found = match iam.get_open_id_connect_provider(asked).await {
        Ok(found) => found,
        Err(fault) if fault.code == "NoSuchEntity" || fault.code == "ValidationError" => {
            return Err(unknown());
        }
        Err(fault) => return Err(Fault::internal(fault).into()),
    };
    let prints = found.thumbprint_list.unwrap_or_default();
    let provider = Provider {
        name: arn,
        issuer: issuer.to_owned(),
        thumbprints: prints.iter().filter_map(|hex| thumbprint(hex)).collect(),
    };
    Ok(Known { provider, client_ids: Some(found.client_id_list.unwrap_or_default()) })
}

/// An issuer as policies and ARNs name it. Only a loopback issuer can do without TLS, which is
/// checked where it is asked.
fn without_scheme(issuer: &str) -> &str {
    let secure = issuer.strip_prefix("https://");
    let rest = secure.or_else(|| issuer.strip_prefix("http://"));
    rest.unwrap_or(issuer).trim_end_matches('/')
}

fn check_source_identity(source: &str) -> Result<(), Error> {
    match session::is_name(source) && session::check_source_identity(source).is_ok() {
        true => Ok(()),
        false => Err(bad_token(session::BAD_SOURCE_IDENTITY)),
    }
}

fn bad_token(message: impl Into<String>) -> Error {
    InvalidIdentityTokenException { message: Some(message.into()) }.into()
}

fn bad_claim(error: ClaimError) -> Error {
    let message = error.to_string();
    match error {
        ClaimError::Expired { .. } => ExpiredTokenException { message: Some(message) }.into(),
        _ => bad_token(message),
    }
}
