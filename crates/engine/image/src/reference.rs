//! Names of images: `HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.

use std::fmt;

use crate::Digest;

const NAME_BYTES_MAX: usize = 255;
const TAG_BYTES_MAX: usize = 128;

/// A name of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The registry, with its port if it has one; empty where the name has none.
    pub host: String,
    /// The repository's path in it.
    pub repository: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest; it counts where both are given.
    pub digest: Option<Digest>,
}

impl Reference {
    /// Reads a name; nothing where it is none, by the grammar of OCI's distribution-spec.
    pub fn parse(text: &str) -> Option<Reference> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse().ok()?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (rest, None),
        };
        let is_host = |first: &str| first.contains(['.', ':']) || first == "localhost";
        let (host, repository) = match path.split_once('/') {
            Some((first, rest)) if is_host(first) => (first, rest),
            _ => ("", path),
        };
        let is_good = is_host_name(host)
            && path.len() <= NAME_BYTES_MAX
            && repository.split('/').all(is_component)
            && tag.is_none_or(is_tag);
        is_good.then(|| Reference {
            host: host.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub fn wanted(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// Host and repository.
    pub fn name(&self) -> String {
        match self.host.as_str() {
            "" => self.repository.clone(),
            host => format!("{host}/{}", self.repository),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

fn is_host_name(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_name_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let begins = host.is_empty() || host.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && name.bytes().all(is_name_byte) && port.parse::<u16>().is_ok()
}

fn is_component(part: &str) -> bool {
    let is_end = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(is_end)
        && bytes.last().is_some_and(is_end)
        && bytes.iter().all(|b| is_end(b) || matches!(b, b'.' | b'_' | b'-'))
        && !part.contains("..")
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= TAG_BYTES_MAX
        && bytes.next().is_some_and(is_word)
        && bytes.all(|b| is_word(b) || matches!(b, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, expected: Option<(&str, &str, &str)>| {
            let found = Reference::parse(text);
            let found = found.as_ref();
            let parts = found.map(|r| (r.host.as_str(), r.repository.as_str(), r.wanted()));
            let expected = expected.map(|(host, path, wanted)| (host, path, wanted.to_owned()));
            assert_eq!(parts, expected, "{text}");
            if let Some(found) = found {
                assert_eq!(found.to_string(), text);
            }
        };
        let digest = format!("sha256:{}", "0".repeat(64));
        check("desk", Some(("", "desk", "latest")));
        check("team/desk:1.2-a_b", Some(("", "team/desk", "1.2-a_b")));
        check("localhost:5000/desk:v1", Some(("localhost:5000", "desk", "v1")));
        check("127.0.0.1:5000/a/b", Some(("127.0.0.1:5000", "a/b", "latest")));
        let ecr = "000000000000.dkr.ecr.us-east-1.amazonaws.com";
        check(&format!("{ecr}/desk:latest"), Some((ecr, "desk", "latest")));
        check(&format!("desk:v1@{digest}"), Some(("", "desk", &digest)));
        for text in [
            "",
            ":",
            "desk:",
            "Desk",
            "a//b",
            "../etc",
            "a/..",
            "desk:a b",
            "desk@sha256:12",
            "host.example:99999/desk",
            "-desk",
            "http://host/desk",
            "a/b:",
            "oci:/tmp/x",
        ] {
            check(text, None);
        }
    }
}
