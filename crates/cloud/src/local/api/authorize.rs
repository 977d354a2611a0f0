//! Authorizers: asked before the function. Lambda's answer by a policy or a simple yes or no.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use service_sts::Tokens;
use template::sam::{Authorizer, AuthorizerKind, Flavour};

use super::{Visit, event, tokens};
use crate::Failure;
use crate::local::host::Host;
use crate::local::project::ACCOUNT;
use crate::local::serve;

/// The authorizer that asks for a signature of a user or role. A local API has neither: whose a key is,
/// and what it may do, is in the cloud, which gives no secrets away.
pub const IAM: &str = "AWS_IAM";
const NO_IAM: &str = r#"{"message":"gureum local does not check signatures of AWS_IAM; --disable-authorizer lets everybody pass"}"#;

/// The authorizer's context for the function; `None` where there is no authorizer.
///
/// # Errors
/// The response that refuses.
pub async fn ask(
    host: &Host,
    verifier: &Tokens,
    visit: &Visit<'_>,
) -> Result<Option<Value>, Response<Bytes>> {
    let (api, route) = (visit.found.api, visit.found.route);
    let name = route.authorizer.as_ref().or(api.default_authorizer.as_ref());
    let Some(name) = name.filter(|name| *name != "NONE") else { return Ok(None) };
    if name == IAM {
        return Err(serve::json(StatusCode::NOT_IMPLEMENTED, NO_IAM));
    }
    let Some(authorizer) = api.authorizers.get(name) else {
        eprintln!("{} {}: there is no authorizer {name}", route.method, route.path);
        return Err(broken(api.flavour));
    };
    let identities: Option<Vec<String>> =
        authorizer.sources.iter().map(|source| identity(source, visit)).collect();
    let Some(identities) = identities.filter(|found| fits(authorizer, found)) else {
        return Err(serve::json(StatusCode::UNAUTHORIZED, r#"{"message":"Unauthorized"}"#));
    };
    let method = visit.request.method();
    let path = visit.request.uri().path();
    let region = &host.region;
    let arn =
        format!("arn:aws:execute-api:{region}:{ACCOUNT}:1234567890/{}/{method}{path}", api.stage);
    let (function, event) = match &authorizer.kind {
        AuthorizerKind::Token(function) => {
            let token = identities.first().cloned().unwrap_or_default();
            (function, json!({ "type": "TOKEN", "methodArn": arn, "authorizationToken": token }))
        }
        AuthorizerKind::Request(function) if authorizer.payload == "2.0" => {
            let mut event = event::version_2(visit, None);
            event["type"] = "REQUEST".into();
            event["routeArn"] = arn.clone().into();
            event["identitySource"] = json!(identities);
            (function, event)
        }
        AuthorizerKind::Request(function) => {
            let mut event = event::version_1(visit, None);
            event["type"] = "REQUEST".into();
            event["methodArn"] = arn.clone().into();
            if api.flavour == Flavour::Http {
                event["identitySource"] = identities.join(",").into();
            }
            (function, event)
        }
        AuthorizerKind::Cognito(_) | AuthorizerKind::Jwt { .. } => {
            let token = identities.first().cloned().unwrap_or_default();
            return tokens::ask(host.ctx(), verifier, visit, (name, authorizer, &token)).await;
        }
    };
    let decided = decision(host, function, &event).await;
    let answer = decided.map_err(|Failure(why)| {
        eprintln!("authorizer {name}: {why}");
        broken(api.flavour)
    })?;
    judge(authorizer, &answer, &arn, visit).map_err(|refusal| *refusal)
}

async fn decision(host: &Host, function: &str, event: &Value) -> Result<Value, Failure> {
    let placed = host.project.function(Some(function))?;
    let answered = host.invoke(placed, event.to_string().into(), None).await?;
    if answered.failed {
        return Err(Failure(String::from_utf8_lossy(&answered.payload).into_owned()));
    }
    Ok(serde_json::from_slice(&answered.payload)?)
}

/// Where the caller says who he is; `None` where he does not.
fn identity(source: &str, visit: &Visit<'_>) -> Option<String> {
    let source = source.trim_start_matches('$').trim_start_matches("method.");
    let named = |prefix: &str| source.strip_prefix(prefix);
    let found = if let Some(name) = named("request.header.") {
        visit.request.headers().get(name)?.to_str().ok()?.to_owned()
    } else if let Some(name) = named("request.querystring.") {
        event::query(visit.request).into_iter().find(|(found, _)| found == name)?.1
    } else if let Some(name) = named("stageVariables.") {
        visit.found.api.variables.get(name)?.clone()
    } else {
        let name = named("context.")?;
        let whole = event::version_1(visit, None);
        let path: Vec<&str> = name.split('.').collect();
        let value = path.iter().try_fold(&whole["requestContext"], |value, key| value.get(key));
        value?.as_str()?.to_owned()
    };
    (!found.is_empty()).then_some(found)
}

/// A token that does not look right is refused before anybody is asked.
fn fits(authorizer: &Authorizer, identities: &[String]) -> bool {
    let Some(pattern) = &authorizer.validation else { return true };
    let whole = regex::Regex::new(&format!("^(?:{pattern})$"));
    // A pattern that only Java can read refuses everybody: that is the safe side.
    whole.is_ok_and(|pattern| identities.iter().all(|identity| pattern.is_match(identity)))
}

fn judge(
    authorizer: &Authorizer,
    answer: &Value,
    arn: &str,
    visit: &Visit<'_>,
) -> Result<Option<Value>, Box<Response<Bytes>>> {
    let flavour = visit.found.api.flavour;
    let context = answer.get("context").cloned().unwrap_or_else(|| json!({}));
    if authorizer.simple {
        return match answer.get("isAuthorized") {
            Some(Value::Bool(true)) => Ok(Some(json!({ "lambda": context }))),
            Some(Value::Bool(false)) => Err(denied(flavour).into()),
            _ => Err(broken(flavour).into()),
        };
    }
    let Some(principal) = answer.get("principalId").and_then(Value::as_str) else {
        return Err(broken(flavour).into());
    };
    let statements = match &answer["policyDocument"]["Statement"] {
        Value::Array(statements) => statements.clone(),
        one @ Value::Object(_) => vec![one.clone()],
        _ => return Err(broken(flavour).into()),
    };
    let about = |statement: &&Value| {
        any(&statement["Resource"], arn) && any(&statement["Action"], "execute-api:Invoke")
    };
    let about: Vec<&Value> = statements.iter().filter(about).collect();
    let says = |effect: &str| about.iter().any(|statement| statement["Effect"] == effect);
    if says("Deny") || !says("Allow") {
        return Err(denied(flavour).into());
    }
    if flavour == Flavour::Http && visit.found.route.payload == "2.0" {
        return Ok(Some(json!({ "lambda": context })));
    }
    let mut whole = context;
    whole["principalId"] = principal.into();
    Ok(Some(whole))
}

/// Whether one of the patterns (`*` is anything, `?` any letter) fits.
fn any(patterns: &Value, text: &str) -> bool {
    let one = |pattern: &Value| {
        pattern.as_str().is_some_and(|pattern| glob(pattern.as_bytes(), text.as_bytes()))
    };
    match patterns {
        Value::Array(all) => all.iter().any(one),
        single => one(single),
    }
}

/// Without recursion: a star remembers where it may take more.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

pub fn denied(flavour: Flavour) -> Response<Bytes> {
    let text = match flavour {
        Flavour::Rest => r#"{"Message":"User is not authorized to access this resource"}"#,
        Flavour::Http => r#"{"message":"Forbidden"}"#,
    };
    serve::json(StatusCode::FORBIDDEN, text)
}

fn broken(flavour: Flavour) -> Response<Bytes> {
    let text = match flavour {
        Flavour::Rest => r#"{"message":null}"#,
        Flavour::Http => r#"{"message":"Internal Server Error"}"#,
    };
    serve::json(StatusCode::INTERNAL_SERVER_ERROR, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_resources() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(any(&json!(pattern), text), expected, "{pattern} {text}");
        };
        check("*", "anything", true);
        check("arn:*/GET/*", "arn:aws:x/GET/hello", true);
        check("arn:*/GET/*", "arn:aws:x/POST/hello", false);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("**a**", "bab", true);
        assert!(any(&json!(["x", "y*"]), "yes"));
    }
}
