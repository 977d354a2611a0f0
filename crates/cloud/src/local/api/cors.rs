//! Browsers' questions before a request, and what HTTP APIs add to answers.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use template::sam::{Api, Cors, Flavour};

use super::route;

/// The answer to OPTIONS where an API has CORS and a route on the path.
pub fn preflight(apis: &[Api], path: &str, origin: Option<&str>) -> Option<Response<Bytes>> {
    let fits = |api: &&Api| api.routes.iter().any(|one| route::matches(&one.path, path).is_some());
    let (api, cors) = apis.iter().filter(fits).find_map(|api| Some((api, api.cors.as_ref()?)))?;
    let mut methods: BTreeSet<&str> = BTreeSet::from(["OPTIONS"]);
    for one in api.routes.iter().filter(|one| route::matches(&one.path, path).is_some()) {
        match one.method.as_str() {
            "ANY" => methods.extend(["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"]),
            method => drop(methods.insert(method)),
        }
    }
    let usual = methods.into_iter().collect::<Vec<_>>().join(",");
    let mut answer = Response::new(Bytes::new());
    if api.flavour == Flavour::Http {
        *answer.status_mut() = StatusCode::NO_CONTENT;
    }
    common(cors, origin, &mut answer);
    let methods = if cors.methods.is_empty() { usual } else { cors.methods.clone() };
    set(&mut answer, "access-control-allow-methods", &methods);
    if !cors.headers.is_empty() {
        set(&mut answer, "access-control-allow-headers", &cors.headers);
    }
    if let Some(age) = &cors.max_age {
        set(&mut answer, "access-control-max-age", age);
    }
    Some(answer)
}

/// HTTP APIs put their own headers in place of the function's.
pub fn decorate(api: &Api, origin: Option<&str>, answer: &mut Response<Bytes>) {
    if let (Some(cors), Some(_)) = (&api.cors, origin) {
        common(cors, origin, answer);
    }
}

fn common(cors: &Cors, origin: Option<&str>, answer: &mut Response<Bytes>) {
    let allowed = cors.origins.iter().find(|one| *one == "*" || Some(one.as_str()) == origin);
    // One origin is said whoever asks; of several, that of the caller.
    let said = allowed.or(cors.origins.first().filter(|_| cors.origins.len() == 1));
    if let Some(said) = said {
        set(answer, "access-control-allow-origin", said);
    }
    if cors.credentials {
        set(answer, "access-control-allow-credentials", "true");
    }
}

fn set(answer: &mut Response<Bytes>, name: &'static str, value: &str) {
    // A template's text that is no header's is not said.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(HeaderName::from_static(name), value);
    }
}
