//! Which object a website shows, and where it sends people instead.

use super::{KeyChange, Rule, Website};

/// What to do with a request, before anything is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Go there.
    Redirect(Location),
    /// Show this object.
    Show {
        /// The object's key: the request's, or that of the folder's page.
        key: String,
        /// If there is no such object but this one, the request lacks a slash at its end.
        folder_page: Option<String>,
    },
}

/// A redirect's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    pub status: u16,
    /// The `Location` header, encoded.
    pub url: String,
}

/// Where the request came to.
pub(crate) struct Here<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The `Host` header, with port.
    pub host: &'a str,
}

const MOVED: u16 = 301;

impl Website {
    /// Plans the answer to a request for `key`, the decoded path without its first slash.
    pub fn plan(&self, key: &str, here: &Here<'_>) -> Plan {
        if let Some((host, scheme)) = &self.everything {
            let scheme = scheme.as_deref().unwrap_or(here.scheme);
            let host = host.trim_end_matches('/');
            let url = format!("{scheme}://{host}/{}", encode(key));
            return Plan::Redirect(Location { status: MOVED, url });
        }
        if let Some(location) = self.redirect(key, None, here) {
            return Plan::Redirect(location);
        }
        let index = self.index.as_deref().unwrap_or_default();
        match key.is_empty() || key.ends_with('/') {
            true => Plan::Show { key: format!("{key}{index}"), folder_page: None },
            false => {
                Plan::Show { key: key.to_owned(), folder_page: Some(format!("{key}/{index}")) }
            }
        }
    }

    /// The rule that holds for `key`, of those for this error (or those for no error at all).
    pub fn redirect(&self, key: &str, status: Option<u16>, here: &Here<'_>) -> Option<Location> {
        let rule = self.rules.iter().find(|rule| rule.holds(key, status))?;
        Some(rule.location(key, here))
    }

    /// The key of the page shown instead of an error.
    pub fn error_page(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

/// The redirect to a folder whose slash was left out.
pub(crate) fn to_folder(key: &str) -> Location {
    Location { status: 302, url: format!("/{}/", encode(key)) }
}

impl Rule {
    fn holds(&self, key: &str, status: Option<u16>) -> bool {
        let Some(when) = &self.condition else { return status.is_none() };
        when.status == status
            && when.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }

    fn location(&self, key: &str, here: &Here<'_>) -> Location {
        let target = &self.target;
        let key = match &target.key {
            KeyChange::None => key.to_owned(),
            KeyChange::Whole(whole) => whole.clone(),
            KeyChange::Prefix(replacement) => {
                let prefix = self.condition.as_ref().and_then(|when| when.prefix.as_deref());
                // `holds` has found the prefix there.
                let rest = key.get(prefix.unwrap_or_default().len()..).unwrap_or_default();
                format!("{replacement}{rest}")
            }
        };
        let scheme = target.protocol.as_deref().unwrap_or(here.scheme);
        let host = target.host.as_deref().unwrap_or(here.host);
        let url = format!("{scheme}://{host}/{}", encode(&key));
        Location { status: target.status.unwrap_or(MOVED), url }
    }
}

/// Percent-encodes a key for a `Location`. What such a header must not carry (controls, spaces,
/// anything beyond ASCII) never stays; slashes and what rules may add (`?`, `#`, `=`, `&`) do.
fn encode(key: &str) -> String {
    let mut out = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/?#=&:@!$'()*+,;".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from_digit(digit.into(), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}
