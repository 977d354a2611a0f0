//! Which route takes a request: the most exact one, as API Gateway chooses.

use std::collections::BTreeMap;

use template::sam::{Api, Route};

/// A route, and what its path's parameters are.
pub struct Found<'a> {
    pub api: &'a Api,
    pub route: &'a Route,
    pub parameters: BTreeMap<String, String>,
}

/// Finds the route for a method and a path.
pub fn find<'a>(apis: &'a [Api], method: &str, path: &str) -> Option<Found<'a>> {
    let all = apis.iter().flat_map(|api| api.routes.iter().map(move |route| (api, route)));
    let fitting = all.filter(|(_, route)| route.method == method || route.method == "ANY");
    let matched = fitting.filter_map(|(api, route)| {
        let (rank, parameters) = matches(&route.path, path)?;
        Some(((rank, route.method != "ANY"), Found { api, route, parameters }))
    });
    matched.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, found)| found)
}

/// How exactly a pattern fits (more is better, part by part), and the parameters.
pub fn matches(pattern: &str, path: &str) -> Option<(Vec<u8>, BTreeMap<String, String>)> {
    let mut parameters = BTreeMap::new();
    if pattern == "$default" {
        return Some((Vec::new(), parameters));
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let wanted: Vec<&str> = pattern.trim_matches('/').split('/').collect();
    let mut rank = Vec::new();
    for (place, want) in wanted.iter().enumerate() {
        let inner = want.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        match inner {
            Some(name) if name.ends_with('+') => {
                let rest =
                    parts.get(place..).filter(|rest| rest.iter().any(|part| !part.is_empty()))?;
                parameters.insert(name.trim_end_matches('+').to_owned(), decode(&rest.join("/")));
                rank.push(1);
                return Some((rank, parameters));
            }
            Some(name) => {
                let part = parts.get(place).filter(|part| !part.is_empty())?;
                parameters.insert(name.to_owned(), decode(part));
                rank.push(2);
            }
            None => {
                parts.get(place).filter(|part| *part == want)?;
                rank.push(3);
            }
        }
    }
    (parts.len() == wanted.len()).then_some((rank, parameters))
}

/// Percent signs undone; what is no such thing stays.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let hex = text.get(place + 1..place + 3).filter(|_| *byte == b'%');
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                place += 3;
            }
            None => {
                out.push(*byte);
                place += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let check = |pattern: &str, path: &str, expected: Option<&[(&str, &str)]>| {
            let found = matches(pattern, path).map(|(_, parameters)| parameters);
            let expected = expected
                .map(|all| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
            assert_eq!(found, expected, "{pattern} {path}");
        };
        check("/hello", "/hello", Some(&[]));
        check("/hello", "/hello/", Some(&[]));
        check("/hello", "/Hello", None);
        check("/a/{b}", "/a/x%20y", Some(&[("b", "x y")]));
        check("/a/{b}", "/a", None);
        check("/a/{b}", "/a/x/y", None);
        check("/{proxy+}", "/a/b/c", Some(&[("proxy", "a/b/c")]));
        check("/{proxy+}", "/", None);
        check("/", "/", Some(&[]));
        check("$default", "/any/thing", Some(&[]));
        assert!(matches("/a/b", "/a/b") > matches("/a/{x}", "/a/b"));
        assert!(matches("/a/{x}", "/a/b") > matches("/{y+}", "/a/b"));
        assert_eq!(decode("%41%zz%"), "A%zz%");
    }
}
