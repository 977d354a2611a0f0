//! Host names: ours, AWS's, or a stranger's.
//!
//! A web page whose name suddenly resolves to this machine (DNS rebinding) sends its own name as
//! the host; so only names known to be ours are served.

use http::request::Parts;
use std::net::IpAddr;

/// The names an installation answers to, besides loopback ones, addresses and AWS's own.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// Further names, lower case, without port; `*` is any name.
    pub extra: Vec<String>,
}

/// A host a request was sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Lower case, without port and brackets.
    pub name: String,
    /// What stands before the part that is ours: `dynamodb.us-east-1` of
    /// `dynamodb.us-east-1.localhost`; empty for an address.
    pub labels: Vec<String>,
    /// Whether it names this machine as seen from itself.
    pub loopback: bool,
}

impl Hosts {
    /// Reads the host of a request; the error says what is wrong with it.
    pub fn read(&self, parts: &Parts) -> Result<Host, String> {
        let mut values = parts.headers.get_all(http::header::HOST).iter();
        let value = values.next();
        if values.next().is_some() {
            return Err("The request has more than one Host header.".into());
        }
        let text = match (value, parts.uri.authority()) {
            (Some(value), _) => value.to_str().unwrap_or("").to_owned(),
            (None, Some(authority)) => authority.as_str().to_owned(),
            (None, None) => return Err("The request has no Host header.".into()),
        };
        let name = without_port(&text).ok_or_else(|| format!("'{}' is no host.", shown(&text)))?;
        self.classify(name).ok_or_else(|| {
            format!(
                "The host '{}' is none this installation answers to. It answers to localhost, \
                 *.localhost, IP addresses and AWS's endpoint names; add others with --host.",
                shown(&text)
            )
        })
    }

    fn classify(&self, name: String) -> Option<Host> {
        if let Ok(address) = name.parse::<IpAddr>() {
            let loopback = address.is_loopback();
            return Some(Host { name, labels: Vec::new(), loopback });
        }
        let before = |suffix: &str| {
            let rest = name.strip_suffix(suffix)?;
            match rest.strip_suffix('.') {
                Some(labels) => Some(labels.split('.').map(str::to_owned).collect()),
                None if rest.is_empty() => Some(Vec::new()),
                None => None,
            }
        };
        if let Some(labels) = before("localhost") {
            return Some(Host { labels, loopback: true, name });
        }
        for suffix in ["amazonaws.com", "amazonaws.com.cn", "api.aws"] {
            if let Some(labels) = before(suffix) {
                return Some(Host { labels, loopback: false, name });
            }
        }
        for extra in &self.extra {
            let labels = if extra == "*" { Some(Vec::new()) } else { before(extra) };
            if let Some(labels) = labels {
                return Some(Host { labels, loopback: false, name });
            }
        }
        None
    }
}

/// The name of `name:port` or `[address]:port`, lower case; nothing if it is neither.
fn without_port(text: &str) -> Option<String> {
    let (name, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port_fine = match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
    };
    let name_fine = !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
    let name = name.strip_suffix('.').unwrap_or(name);
    (port_fine && name_fine).then(|| name.to_ascii_lowercase())
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn hosts_are_told_apart() {
        let hosts = Hosts { extra: vec!["cloud.example".into()] };
        let check = |host: &str, expected: Option<(&str, bool)>| {
            let request = Request::builder().header("host", host).body(()).expect("a request");
            let got = hosts.read(&request.into_parts().0).ok();
            let got = got.map(|host| (host.labels.join("."), host.loopback));
            assert_eq!(got, expected.map(|(labels, own)| (labels.to_owned(), own)), "{host}");
        };
        check("localhost:4566", Some(("", true)));
        check("LOCALHOST", Some(("", true)));
        check("localhost.", Some(("", true)));
        check("127.0.0.1:4566", Some(("", true)));
        check("[::1]:4566", Some(("", true)));
        check("192.168.1.7:4566", Some(("", false)));
        check("dynamodb.us-east-1.localhost:4566", Some(("dynamodb.us-east-1", true)));
        check("sts.amazonaws.com", Some(("sts", false)));
        check("b.s3.cloud.example", Some(("b.s3", false)));
        check("evil.example", None);
        check("notlocalhost", None);
        check("localhost.evil.example", None);
        check("cloud.example.evil", None);
        check("localhost:99999", None);
        check("localhost:80:80", None);
        check("[::1", None);
        check("a b", None);
        check("", None);
    }
}
