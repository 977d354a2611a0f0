//! Authorizers that verify tokens: JWT authorizers of HTTP APIs, and Cognito's of REST APIs.

use bytes::Bytes;
use http::{Response, StatusCode};
use kernel::Ctx;
use serde_json::{Map, Value, json};
use service_sts::Tokens;
use template::sam::{Authorizer, AuthorizerKind};

use super::Visit;
use super::authorize::denied;
use crate::local::serve;

/// Where SDKs find Cognito; a pool's tokens then come from there.
const ENDPOINT: &str = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER";

/// What the token says, for the function.
///
/// # Errors
/// The response that refuses.
pub async fn ask(
    ctx: &Ctx,
    verifier: &Tokens,
    visit: &Visit<'_>,
    (name, authorizer, token): (&str, &Authorizer, &str),
) -> Result<Option<Value>, Response<Bytes>> {
    let bare = token.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
    let token = bare.map_or(token, |_| token[7..].trim());
    let mut refused = Vec::new();
    let mut found = None;
    for issuer in issuers(authorizer) {
        match verifier.verified(ctx, &issuer, token).await {
            Ok(claims) => found = Some(claims),
            Err(why) => refused.push(why),
        }
    }
    let unauthorized = || serve::json(StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#);
    let Some(claims) = found else {
        eprintln!("authorizer {name}: the token is refused: {}", refused.join("; "));
        return Err(unauthorized());
    };
    if let AuthorizerKind::Jwt { audience, .. } = &authorizer.kind
        && !is_for(&claims, audience)
    {
        eprintln!("authorizer {name}: the token is for another audience");
        return Err(unauthorized());
    }
    let wanted = &visit.found.route.scopes;
    let wanted = if wanted.is_empty() { &authorizer.scopes } else { wanted };
    let scopes = scopes(&claims);
    if !wanted.is_empty() && !wanted.iter().any(|scope| scopes.contains(scope)) {
        eprintln!("authorizer {name}: the token has none of the scopes {}", wanted.join(", "));
        return Err(match authorizer.kind {
            AuthorizerKind::Jwt { .. } => denied(visit.found.api.flavour),
            _ => unauthorized(),
        });
    }
    let texts: Map<String, Value> =
        claims.iter().map(|(key, value)| (key.clone(), text(value).into())).collect();
    Ok(Some(match authorizer.kind {
        AuthorizerKind::Jwt { .. } => {
            let scopes = if wanted.is_empty() { Value::Null } else { json!(scopes) };
            json!({ "jwt": { "claims": texts, "scopes": scopes } })
        }
        _ => json!({ "claims": texts }),
    }))
}

fn issuers(authorizer: &Authorizer) -> Vec<String> {
    match &authorizer.kind {
        AuthorizerKind::Jwt { issuer, .. } => vec![issuer.clone()],
        AuthorizerKind::Cognito(pools) => pools.iter().filter_map(|pool| issuer_of(pool)).collect(),
        AuthorizerKind::Token(_) | AuthorizerKind::Request(_) => Vec::new(),
    }
}

/// `arn:aws:cognito-idp:REGION:ACCOUNT:userpool/POOL` as the issuer of the pool's tokens.
pub fn issuer_of(pool: &str) -> Option<String> {
    let (place, id) = pool.split_once(":userpool/")?;
    let region = place.strip_prefix("arn:aws:cognito-idp:")?.split(':').next()?;
    Some(match std::env::var(ENDPOINT) {
        Ok(endpoint) => format!("{}/{id}", endpoint.trim_end_matches('/')),
        Err(_) => format!("https://cognito-idp.{region}.amazonaws.com/{id}"),
    })
}

/// `aud`, or `client_id` where there is none, must be one of them.
fn is_for(claims: &Map<String, Value>, audience: &[String]) -> bool {
    let found = claims.get("aud").or_else(|| claims.get("client_id"));
    let named =
        |value: &Value| value.as_str().is_some_and(|value| audience.iter().any(|one| one == value));
    match found {
        Some(Value::Array(all)) => all.iter().any(named),
        Some(one) => named(one),
        None => false,
    }
}

/// `scope` is words, `scp` words or a list.
fn scopes(claims: &Map<String, Value>) -> Vec<String> {
    match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(text)) => text.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(all)) => {
            all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Claims reach functions as texts; lists in brackets, as API Gateway writes them.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => format!("[{}]", all.iter().map(text).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims() {
        let claims = |value: Value| value.as_object().cloned().expect("a map");
        let check = |value: Value, expected: bool| {
            assert_eq!(is_for(&claims(value.clone()), &["app".into()]), expected, "{value}");
        };
        check(json!({ "aud": "app" }), true);
        check(json!({ "aud": ["x", "app"] }), true);
        check(json!({ "aud": "x", "client_id": "app" }), false);
        check(json!({ "client_id": "app" }), true);
        check(json!({}), false);
        assert_eq!(scopes(&claims(json!({ "scope": "a b" }))), ["a", "b"]);
        assert_eq!(scopes(&claims(json!({ "scp": ["a", "b"] }))), ["a", "b"]);
        assert_eq!(text(&json!(["a", 1])), "[a 1]");
        assert_eq!(issuer_of("UserPool.Arn"), None);
    }
}
