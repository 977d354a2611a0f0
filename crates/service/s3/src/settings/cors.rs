//! A bucket's rules for pages of other origins, and what they say to a request.
//!
//! The header values are those S3 answers with: `*` only where the rule's origin is exactly `*`,
//! else the page's own origin with credentials allowed.

use api_s3::{CORSConfiguration, CORSRule};
use kernel::Fault;
use serde::{Deserialize, Serialize};

use super::refusal::{invalid_request, malformed_xml};

/// S3's limit.
const RULES_MAX: usize = 100;
/// S3's limit, characters.
const ID_CHARS_MAX: usize = 255;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
/// What answers depend on, whenever a bucket has rules.
pub(crate) const VARY: &str =
    "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// All rules, in order: the first that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cors {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    id: Option<String>,
    headers: Vec<String>,
    methods: Vec<String>,
    origins: Vec<String>,
    exposed: Vec<String>,
    max_age_s: Option<i32>,
}

/// A request as far as rules look at it.
pub(crate) struct Asked<'a> {
    /// The `Origin` header.
    pub origin: &'a str,
    /// The method of the request, or the one a preflight asks for.
    pub method: &'a str,
    /// `Access-Control-Request-Headers` of a preflight; empty otherwise.
    pub headers: &'a str,
}

impl Cors {
    /// Checks a configuration.
    pub fn from_api(input: CORSConfiguration) -> Result<Self, Fault> {
        if input.cors_rules.is_empty() || input.cors_rules.len() > RULES_MAX {
            return Err(malformed_xml());
        }
        let rules = input.cors_rules.into_iter().map(Rule::from_api);
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// As `GetBucketCors` shows it.
    pub fn to_api(&self) -> Vec<CORSRule> {
        self.rules.iter().map(Rule::to_api).collect()
    }

    /// The response headers for a request, or nothing if no rule allows it.
    pub fn answer(&self, asked: &Asked<'_>) -> Option<Vec<(&'static str, String)>> {
        let wanted: Vec<String> = asked
            .headers
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        self.rules.iter().find_map(|rule| rule.answer(asked, &wanted))
    }
}

impl Rule {
    fn from_api(input: CORSRule) -> Result<Self, Fault> {
        if input.allowed_methods.is_empty() || input.allowed_origins.is_empty() {
            return Err(malformed_xml());
        }
        if input.id.as_ref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
            return Err(malformed_xml());
        }
        if let Some(method) = input.allowed_methods.iter().find(|m| !METHODS.contains(&m.as_str()))
        {
            return Err(invalid_request(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            )));
        }
        let (headers, exposed) =
            (input.allowed_headers.unwrap_or_default(), input.expose_headers.unwrap_or_default());
        for (what, values) in
            [("AllowedOrigin", &input.allowed_origins), ("AllowedHeader", &headers)]
        {
            if let Some(value) = values.iter().find(|value| value.matches('*').count() > 1) {
                return Err(invalid_request(format!(
                    "{what} \"{value}\" can not have more than one wildcard."
                )));
            }
        }
        if let Some(name) = exposed.iter().find(|name| name.contains('*')) {
            return Err(invalid_request(format!(
                "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard \
                 for ExposeHeader."
            )));
        }
        Ok(Self {
            id: input.id,
            headers,
            methods: input.allowed_methods,
            origins: input.allowed_origins,
            exposed,
            max_age_s: input.max_age_seconds,
        })
    }

    fn to_api(&self) -> CORSRule {
        let some = |values: &Vec<String>| (!values.is_empty()).then(|| values.clone());
        CORSRule {
            id: self.id.clone(),
            allowed_headers: some(&self.headers),
            allowed_methods: self.methods.clone(),
            allowed_origins: self.origins.clone(),
            expose_headers: some(&self.exposed),
            max_age_seconds: self.max_age_s,
        }
    }

    fn answer(&self, asked: &Asked<'_>, wanted: &[String]) -> Option<Vec<(&'static str, String)>> {
        let origin = self.origins.iter().find(|origin| fits(origin, asked.origin))?;
        if !self.methods.iter().any(|method| method == asked.method) {
            return None;
        }
        let allowed = |name: &String| {
            self.headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), name))
        };
        if !wanted.iter().all(allowed) {
            return None;
        }
        let mut answer = Vec::with_capacity(8);
        if origin == "*" {
            answer.push(("access-control-allow-origin", "*".to_owned()));
        } else {
            answer.push(("access-control-allow-origin", asked.origin.to_owned()));
            answer.push(("access-control-allow-credentials", "true".to_owned()));
        }
        answer.push(("access-control-allow-methods", self.methods.join(", ")));
        if !wanted.is_empty() {
            answer.push(("access-control-allow-headers", wanted.join(", ")));
        }
        if !self.exposed.is_empty() {
            answer.push(("access-control-expose-headers", self.exposed.join(", ")));
        }
        if let Some(seconds) = self.max_age_s {
            answer.push(("access-control-max-age", seconds.to_string()));
        }
        answer.push(("vary", VARY.to_owned()));
        Some(answer)
    }
}

/// Whether a pattern with at most one asterisk fits a text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.len() >= before.len() + after.len()
                && text.starts_with(before)
                && text.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn rule(origins: &str, methods: &str, headers: &str, exposed: &str) -> CORSRule {
        CORSRule {
            allowed_origins: words(origins),
            allowed_methods: words(methods),
            allowed_headers: Some(words(headers)),
            expose_headers: Some(words(exposed)),
            max_age_seconds: Some(60),
            ..CORSRule::default()
        }
    }

    fn cors(rules: Vec<CORSRule>) -> Result<Cors, Fault> {
        Cors::from_api(CORSConfiguration { cors_rules: rules })
    }

    #[test]
    fn configurations_are_checked() {
        let check = |rules: Vec<CORSRule>, expected: &str| {
            let got = cors(rules).map_or_else(|fault| fault.to_string(), |_| "fine".to_owned());
            assert!(got.contains(expected), "{got} lacks {expected}");
        };
        check(vec![rule("http://*.a", "GET PUT", "*", "etag")], "fine");
        check(vec![], "MalformedXML");
        check(vec![rule("", "GET", "", "")], "MalformedXML");
        check(vec![rule("*", "", "", "")], "MalformedXML");
        check(vec![rule("*", "PATCH", "", "")], "Unsupported method is PATCH");
        check(vec![rule("*", "get", "", "")], "Unsupported method is get");
        check(vec![rule("http://*.*", "GET", "", "")], "AllowedOrigin \"http://*.*\" can not");
        check(vec![rule("*", "GET", "x-*-*", "")], "AllowedHeader \"x-*-*\" can not");
        check(vec![rule("*", "GET", "", "x-*")], "ExposeHeader \"x-*\" contains wildcard");
        check(vec![rule("*", "GET", "", ""); 101], "MalformedXML");
    }

    #[test]
    fn requests_are_answered() {
        let rules = cors(vec![
            rule("https://*.example.com http://exact", "PUT GET", "x-amz-* Content-Type", "etag"),
            rule("*", "GET", "", ""),
        ])
        .expect("fine rules");
        let check = |origin: &str, method: &str, headers: &str, expected: &str| {
            let answer = rules.answer(&Asked { origin, method, headers });
            let text = answer.map_or_else(
                || "refused".to_owned(),
                |headers| {
                    let short = |(name, value): &(&str, String)| {
                        format!("{}={value}", name.trim_start_matches("access-control-"))
                    };
                    headers.iter().take(4).map(short).collect::<Vec<_>>().join("; ")
                },
            );
            assert_eq!(text, expected, "{origin} {method} {headers}");
        };
        check(
            "https://app.example.com",
            "PUT",
            "content-type, X-Amz-Date",
            "allow-origin=https://app.example.com; allow-credentials=true; \
             allow-methods=PUT, GET; allow-headers=content-type, x-amz-date",
        );
        check(
            "https://evil.example.org",
            "GET",
            "",
            "allow-origin=*; allow-methods=GET; max-age=60; vary=Origin, \
             Access-Control-Request-Headers, Access-Control-Request-Method",
        );
        check("https://evil.example.org", "PUT", "", "refused");
        check("https://evil.example.org", "GET", "x-other", "refused");
        check("http://exact", "DELETE", "", "refused");
        // The asterisk stands for any text, but its surroundings must not overlap.
        check(
            "https://.example.com",
            "PUT",
            "",
            "allow-origin=https://.example.com; \
             allow-credentials=true; allow-methods=PUT, GET; expose-headers=etag",
        );
        check("https:/.example.com", "PUT", "", "refused");
    }
}
