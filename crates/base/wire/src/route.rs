//! Which operation a request is for.

use std::borrow::Cow;

use shape::{Location, Model, Operation, Protocol};

use crate::Request;
use crate::form::{Pair, decode_path, query_pairs};

/// What [`match_operation`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routed {
    /// Index in [`Model::operations`].
    Operation(usize),
    /// AWS has this operation and the model's table leaves it out.
    Unserved(String),
    /// A name that the service does not have; empty if there was none. The REST protocols
    /// have no name: there the request fits no URI.
    Unknown(String),
}

/// Finds the operation: by target header, `Action`, or method and path.
pub fn match_operation(model: &Model, request: &Request<'_>) -> Routed {
    let name = match model.service.protocol {
        Protocol::RestJson | Protocol::RestXml => {
            return match_uri(model, request);
        }
        Protocol::Json => {
            let name = target(model, request);
            match model.operation_index(name) {
                Some(index) => return Routed::Operation(index),
                None => name.to_owned(),
            }
        }
        Protocol::Query | Protocol::Ec2 => action(request),
        Protocol::Cbor => cbor_name(model, request),
    };
    match model.operation_index(&name) {
        Some(index) => Routed::Operation(index),
        None if model.unserved.binary_search_by(|have| have.as_str().cmp(&name)).is_ok() => {
            Routed::Unserved(name)
        }
        None => Routed::Unknown(name),
    }
}

fn target<'a>(model: &Model, request: &'a Request<'_>) -> &'a str {
    const TARGET: http::HeaderName = http::HeaderName::from_static("x-amz-target");
    let header = request.headers.get(TARGET).and_then(|v| v.to_str().ok());
    let parts = header.and_then(|target| target.rsplit_once('.'));
    match parts {
        Some((prefix, name)) if prefix == model.service.target_prefix => name,
        _ => "",
    }
}

fn action(request: &Request<'_>) -> String {
    let body = std::str::from_utf8(&request.body).unwrap_or("");
    for form in [body, request.query] {
        // Only the one pair is decoded: the reader does the rest, and says what is wrong.
        let value = form.split('&').find_map(|pair| pair.strip_prefix("Action="));
        if let Some(value) = value {
            return decode_path(value).map(Cow::into_owned).unwrap_or_default();
        }
    }
    String::new()
}

/// `/service/{target prefix}/operation/{name}`, anywhere at the path's end.
fn cbor_name(model: &Model, request: &Request<'_>) -> String {
    let mut parts = request.path.rsplit('/');
    let name = parts.next().unwrap_or("");
    let rest = [parts.next(), parts.next(), parts.next()];
    if rest == [Some("operation"), Some(&model.service.target_prefix), Some("service")] {
        name.to_owned()
    } else {
        String::new()
    }
}

fn match_uri(model: &Model, request: &Request<'_>) -> Routed {
    let pairs = query_pairs(request.query).unwrap_or_default();
    let mut best: Option<(Score, Routed)> = None;
    let mut offer = |score: Option<Score>, routed: &dyn Fn() -> Routed| {
        let better = |score: &Score| best.as_ref().is_none_or(|(other, _)| score > other);
        if let Some(score) = score.filter(better) {
            best = Some((score, routed()));
        }
    };
    for (index, op) in model.operations.iter().enumerate() {
        if op.method == request.method {
            offer(score(op, request, &pairs), &|| Routed::Operation(index));
        }
    }
    // What is not served is known too: its URI may fit better than one with labels.
    for (name, method_and_uri) in model.unserved.iter().zip(&model.unserved_uris) {
        if let Some((method, uri)) = method_and_uri.split_once(' ')
            && method == request.method
        {
            let score = fit(uri, request, &pairs).map(|(path, literals)| Score {
                path,
                literals,
                required: 0,
            });
            offer(score, &|| Routed::Unserved(name.clone()));
        }
    }
    best.map_or_else(|| Routed::Unknown(String::new()), |(_, routed)| routed)
}

/// Whether a URI's path and the literals of its query fit, and how well.
fn fit(uri: &str, request: &Request<'_>, query: &[Pair<'_>]) -> Option<(Vec<Fit>, usize)> {
    // The query first: it costs less, and most URIs that do not fit have one.
    let mut wanted = 0;
    for (name, value) in literals(uri) {
        wanted += 1;
        let fits = |(k, v): &Pair<'_>| k == name && value.is_none_or(|value| v == value);
        if !query.iter().any(fits) {
            return None;
        }
    }
    Some((walk(uri, request.path, &mut |_, _| {})?, wanted))
}

/// How well a URI fits. Compared in this order: the path from the left, literals in the query,
/// then the required headers and parameters, which alone tell some of S3's operations apart.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    path: Vec<Fit>,
    literals: usize,
    required: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Greedy,
    Label,
    Literal,
}

fn score(op: &Operation, request: &Request<'_>, query: &[Pair<'_>]) -> Option<Score> {
    let (path, literals) = fit(&op.uri, request, query)?;
    let mut required = 1;
    for member in op.input.shape().members.iter().filter(|m| m.required) {
        let name = member.wire_name();
        let present = match member.location {
            Location::QueryString => query.iter().any(|(key, _)| key == name),
            Location::Header => request.headers.contains_key(name),
            _ => continue,
        };
        // An incomplete request still finds its operation, if no other fits.
        required = if present && required > 0 { required + 1 } else { 0 };
    }
    Some(Score { path, literals, required })
}

fn path_and_query(uri: &str) -> (&str, &str) {
    uri.split_once('?').unwrap_or((uri, ""))
}

/// Literals in the query of an operation's URI: `list-type=2`, `uploads`.
pub(crate) fn literals(uri: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    path_and_query(uri).1.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        match pair.split_once('=') {
            Some((name, "")) => (name, None),
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        }
    })
}

/// Label values of a path, decoded; nothing when the path is not the operation's.
pub(crate) fn labels<'a>(op: &'a Operation, path: &'a str) -> Option<Vec<(&'a str, Cow<'a, str>)>> {
    let mut found = Vec::new();
    walk(&op.uri, path, &mut |name, raw| found.push((name, raw)))?;
    found.into_iter().map(|(name, raw)| Some((name, decode_path(raw).ok()?))).collect()
}

/// Goes along a URI pattern and a path. A slash at the end of either makes no difference,
/// unless it belongs to a greedy label.
fn walk<'a>(
    uri: &'a str,
    path: &'a str,
    label: &mut dyn FnMut(&'a str, &'a str),
) -> Option<Vec<Fit>> {
    let pattern = path_and_query(uri).0;
    let pattern: Vec<&str> = segments(pattern).collect();
    let mut path = path.strip_prefix('/')?;
    let mut fits = Vec::with_capacity(pattern.len());
    for (at, part) in pattern.iter().enumerate() {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        if let Some(name) = name.and_then(|name| name.strip_suffix('+')) {
            let after = &pattern[at + 1..];
            let (greedy, rest) = split_greedy(path, after.len())?;
            label(name, greedy);
            fits.push(Fit::Greedy);
            path = rest;
            continue;
        }
        let (segment, rest) = path.split_once('/').unwrap_or((path, ""));
        if segment.is_empty() {
            return None;
        }
        match name {
            Some(name) => {
                label(name, segment);
                fits.push(Fit::Label);
            }
            None if segment == *part => fits.push(Fit::Literal),
            None => return None,
        }
        path = rest;
    }
    path.is_empty().then_some(fits)
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.trim_matches('/').split('/').filter(|part| !part.is_empty())
}

/// Everything but the last `after` segments.
fn split_greedy(path: &str, after: usize) -> Option<(&str, &str)> {
    let mut end = path.len();
    for _ in 0..after {
        end = path[..end].rfind('/')?;
    }
    let rest = path[end..].strip_prefix('/').unwrap_or("");
    (end > 0).then_some((&path[..end], rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn model() -> &'static Model {
        let op = |method: &str, uri: &str| json!({"http": {"method": method, "requestUri": uri}});
        let mut part = op("PUT", "/{Bucket}/{Key+}");
        part["input"] = json!({"shape": "Part"});
        let source = json!({
            "metadata": {"protocol": "rest-xml", "endpointPrefix": "s3", "apiVersion": "1"},
            "operations": {
                "ListBuckets": op("GET", "/"),
                "ListObjects": op("GET", "/{Bucket}"),
                "ListObjectsV2": op("GET", "/{Bucket}?list-type=2"),
                "GetObject": op("GET", "/{Bucket}/{Key+}"),
                "PutObject": op("PUT", "/{Bucket}/{Key+}"),
                "UploadPart": part,
                "ListFunctions": op("GET", "/2015-03-31/functions/"),
                "Invoke": op("POST", "/2015-03-31/functions/{Name}/invocations"),
                "Tail": op("POST", "/a/{Path+}/end"),
                "ListAliases": op("GET", "/2015-03-31/functions/{Name}/aliases"),
                "DeleteBucket": op("DELETE", "/{Bucket}"),
            },
            "shapes": {
                "Part": {
                    "type": "structure", "required": ["PartNumber"],
                    "members": {
                        "PartNumber": {
                            "shape": "S", "location": "querystring", "locationName": "partNumber"
                        },
                    },
                },
                "S": {"type": "string"},
            },
        });
        let served = |name: &str| !matches!(name, "ListAliases" | "DeleteBucket");
        shape::botocore::load(&source, &served).unwrap().leak()
    }

    fn check(method: &str, uri: &str, expected: &str) {
        let model = model();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let headers = http::HeaderMap::new();
        let request = Request { method, path, query, headers: &headers, body: bytes::Bytes::new() };
        let found = match match_operation(model, &request) {
            Routed::Operation(index) => {
                let op = &model.operations[index];
                let labels = labels(op, path).unwrap();
                let labels: Vec<String> =
                    labels.iter().map(|(name, value)| format!(" {name}={value}")).collect();
                op.name.clone() + &labels.concat()
            }
            other => format!("{other:?}"),
        };
        assert_eq!(found, expected, "{method} {uri}");
    }

    #[test]
    fn what_is_not_served_is_known_by_its_uri() {
        check("GET", "/2015-03-31/functions/f/aliases", "Unserved(\"ListAliases\")");
        check(
            "GET",
            "/2015-03-31/functions/f/aliasing",
            "GetObject Bucket=2015-03-31 Key=functions/f/aliasing",
        );
        check("DELETE", "/b", "Unserved(\"DeleteBucket\")");
        check("PATCH", "/b", "Unknown(\"\")");
    }

    #[test]
    fn the_most_literal_uri_wins() {
        check("GET", "/", "ListBuckets");
        check("GET", "/b", "ListObjects Bucket=b");
        check("GET", "/b/", "ListObjects Bucket=b");
        check("GET", "/b?list-type=2&prefix=x", "ListObjectsV2 Bucket=b");
        check("GET", "/b?list-type=1", "ListObjects Bucket=b");
        check("GET", "/b/k%20/l/", "GetObject Bucket=b Key=k /l/");
        check("GET", "/b//k", "GetObject Bucket=b Key=/k");
        check("PUT", "/b/k", "PutObject Bucket=b Key=k");
        check("PUT", "/b/k?partNumber=1", "UploadPart Bucket=b Key=k");
        check("GET", "/2015-03-31/functions", "ListFunctions");
        check("POST", "/2015-03-31/functions/a%3Ab/invocations", "Invoke Name=a:b");
        check("POST", "/2015-03-31/functions//invocations", "Unknown(\"\")");
        check("POST", "/a/x/y/end", "Tail Path=x/y");
        check("DELETE", "/", "Unknown(\"\")");
        check("GET", "", "Unknown(\"\")");
    }
}
