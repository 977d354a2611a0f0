//! `GetWebIdentityToken`: a signed statement of who calls, for somebody outside who trusts the
//! account's issuer. Claims are those of IAM's user guide, "Understanding token claims".
//!
//! ```text
//! aws sts get-web-identity-token --audience https://api.example.com --signing-algorithm ES384
//! {"WebIdentityToken": "eyJhbGciOiJFUzM4NCIs…", "Expiration": "2026-11-23T05:05:00Z"}
//! ```

use std::collections::BTreeMap;

use api_iam::{ListRoleTagsRequest, ListUserTagsRequest};
use api_sts::{
    Error, GetWebIdentityTokenRequest, GetWebIdentityTokenResponse,
    JWTPayloadSizeExceededException, OutboundWebIdentityFederationDisabledException,
    SessionDurationEscalationException,
};
use kernel::{Ctx, Fault, Principal, Timestamp};
use serde_json::{Value, json};

use crate::Sts;
use crate::fault::{denied, invalid};
use crate::outbound::{Algorithm, Signer, issuer};
use crate::session;

/// Five minutes.
pub(crate) const DURATION_S: i32 = 300;
/// Longest statement in a token, in bytes. AWS does not say where its limit is.
const CLAIMS_BYTES_MAX: usize = 8192;
/// Under which AWS's own claims stand.
const NAMESPACE: &str = "https://sts.amazonaws.com/";

pub(crate) async fn get_web_identity_token(
    _: &Sts,
    ctx: &Ctx,
    input: GetWebIdentityTokenRequest,
) -> Result<GetWebIdentityTokenResponse, Error> {
    let wanted = |algorithm: &Algorithm| algorithm.name() == input.signing_algorithm;
    let Some(algorithm) = Algorithm::ALL.into_iter().find(wanted) else {
        return Err(invalid(format!(
            "1 validation error detected: Value '{}' at 'signingAlgorithm' failed to satisfy \
             constraint: Member must satisfy enum value set: [RS256, ES384]",
            input.signing_algorithm
        )));
    };
    let mut facts = kernel::SessionFacts::default();
    session::set_tags(&mut facts, session::pairs(input.tags), Vec::new(), None)?;
    let Some(issuer) = issuer(ctx.kernel(), ctx.account(), ctx.region()).await? else {
        return Err(OutboundWebIdentityFederationDisabledException {
            message: Some("Outbound web identity federation is not enabled.".into()),
        }
        .into());
    };
    let now_ms = ctx.now().epoch_ms;
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let expires_at_ms = now_ms + i64::from(duration_s) * 1000;
    if ctx.principal().session().is_some_and(|session| session.expires_at_ms < expires_at_ms) {
        return Err(SessionDurationEscalationException {
            message: Some("The token would be valid for longer than the session.".into()),
        }
        .into());
    }
    let audience = match <[String; 1]>::try_from(input.audience) {
        Ok([one]) => Value::String(one),
        Err(several) => several.into(),
    };
    let second = |ms: i64| ms.div_euclid(1000);
    let claims = json!({
        "iss": issuer,
        "aud": audience,
        "sub": ctx.principal().principal_arn(),
        "iat": second(now_ms),
        "exp": second(expires_at_ms),
        "jti": ctx.random().uuid(),
        NAMESPACE: about(ctx, facts.tags).await?,
    });
    if claims.to_string().len() > CLAIMS_BYTES_MAX {
        return Err(JWTPayloadSizeExceededException {
            message: Some("The claims of the token are too long: ask with fewer tags.".into()),
        }
        .into());
    }
    let signer = Signer::open(ctx.kernel(), ctx.account(), algorithm).await?;
    Ok(GetWebIdentityTokenResponse {
        web_identity_token: Some(signer.token(&claims)?),
        expiration: Some(Timestamp::from_ms(second(expires_at_ms) * 1000)),
    })
}

/// AWS's own claims about the caller, and those of the request.
async fn about(ctx: &Ctx, request_tags: Vec<(String, String)>) -> Result<Value, Error> {
    let principal = ctx.principal();
    let mut about = json!({
        "aws_account": principal.account(),
        "source_region": ctx.region(),
        "principal_id": principal.principal_arn(),
    });
    // A session's tags come before those of its role or user.
    let mut tags = own_tags(ctx).await?;
    if let Some(session) = principal.session() {
        let ends = Timestamp::from_ms(session.expires_at_ms).civil("%Y-%m-%dT%H:%M:%SZ");
        about["original_session_exp"] = ends.into();
        for (key, value) in &session.tags {
            tags.retain(|other, _| !other.eq_ignore_ascii_case(key));
            tags.insert(key.clone(), value.clone());
        }
        if let Some(federated) = &session.federated {
            about["federated_provider"] = federated.provider.as_str().into();
        }
    }
    if !tags.is_empty() {
        about["principal_tags"] = json!(tags);
    }
    if !request_tags.is_empty() {
        about["request_tags"] = json!(request_tags.into_iter().collect::<BTreeMap<_, _>>());
    }
    Ok(about)
}

/// The tags of the caller's user or role.
async fn own_tags(ctx: &Ctx) -> Result<BTreeMap<String, String>, Error> {
    let kernel = ctx.kernel();
    let iam = kernel
        .service_ctx(crate::role::SERVICE, ctx.principal().account(), ctx.region())
        .client::<api_iam::Client>();
    let gone = |fault: Fault| match fault.code.as_ref() {
        "NoSuchEntity" => denied("The caller is no more."),
        _ => fault.into(),
    };
    let tags = match ctx.principal() {
        Principal::User(user) => {
            let asked = ListUserTagsRequest { user_name: user.name.clone(), ..Default::default() };
            iam.list_user_tags(asked).await.map_err(gone)?.tags
        }
        Principal::AssumedRole(role) => {
            let asked = ListRoleTagsRequest { role_name: role.role.clone(), ..Default::default() };
            iam.list_role_tags(asked).await.map_err(gone)?.tags
        }
        _ => Vec::new(),
    };
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}
