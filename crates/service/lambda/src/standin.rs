//! AWS's own hosts, as programs inside a sandbox find them: here.
//!
//! Many programs do not read `AWS_ENDPOINT_URL`: the AWS SDK for JavaScript 2, that for Java before
//! 2.28, boto3 before 1.28. They ask for `dynamodb.ap-northeast-2.amazonaws.com` and speak TLS. So
//! that they reach this cloud and never AWS, such names stand for the sandbox's own loopback (see
//! `names`), where ports 80 and 443 are this cloud's, with a certificate that each language's way of
//! trusting is told of.

use std::path::{Path, PathBuf};

use sandbox::{Mount, Place};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::host::{Endpoint, Host};
use crate::runtimes::Runtime;

/// HTTP and HTTPS.
pub(crate) const PLAIN_PORT: u16 = 80;
pub(crate) const SECURE_PORT: u16 = 443;

/// A certificate authority alone, PEM.
pub const AUTHORITY: &str = "ca.pem";
/// It, and those that the machine trusts, PEM.
pub const BUNDLE: &str = "bundle.pem";
/// The same as Java's trust store.
pub const JAVA_STORE: &str = "cacerts";

/// Where these three are, as seen inside.
const INSIDE: &str = "/etc/gureum";
/// The domains of AWS's services.
pub const DOMAINS: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "api.aws"];
/// Of AWS, but no service: it tells who asks his address, and the Hello World of `sam init` does.
const OUTSIDE: &str = "checkip.amazonaws.com";

/// Where systems keep the authorities that they trust. In an image they are mounted over.
const BUNDLES: [&str; 4] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];
/// The same for Java, besides what `JAVA_HOME` names.
const JAVA_STORES: [&str; 4] = [
    "/var/lang/lib/security/cacerts",
    "/etc/pki/java/cacerts",
    "/etc/ssl/certs/java/cacerts",
    "/opt/java/openjdk/lib/security/cacerts",
];

/// Bytes go in and out.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Connection for S {}

/// What stands in for AWS's hosts.
#[derive(Clone)]
pub struct StandIn {
    /// Takes over a connection in TLS, to any of them.
    pub secure: Endpoint,
    /// A folder that others may read, with [`AUTHORITY`], [`BUNDLE`] and [`JAVA_STORE`].
    pub trust: PathBuf,
}

/// Whether a host is one that is stood in for.
pub(crate) fn is_ours(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let below = |domain: &&str| {
        host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    host != OUTSIDE && DOMAINS.iter().any(below)
}

/// What a sandbox with the host's programs shows for it.
pub(crate) fn mounts(host: &Host, runtime: &Runtime) -> Vec<Mount> {
    let Some(stand_in) = &host.options.stand_in else { return Vec::new() };
    let folder = Mount { source: stand_in.trust.clone(), target: INSIDE.into() };
    let java = java_store(&runtime.program)
        .map(|target| Mount { source: stand_in.trust.join(JAVA_STORE), target });
    [folder].into_iter().chain(java).collect()
}

/// The trust store of the Java that this program belongs to, if it does, with all links followed.
fn java_store(program: &Path) -> Option<PathBuf> {
    let home = program.parent()?.parent()?;
    home.join("lib/security/cacerts").canonicalize().ok().filter(|found| found.is_file())
}

/// The same for an image, which can only be mounted over: with the variables that then are true.
pub(crate) fn image(host: &Host, root: &Path, java_home: &str) -> (Vec<Mount>, Variables) {
    let Some(stand_in) = &host.options.stand_in else { return (Vec::new(), Variables::new()) };
    let inside = |path: &str| {
        let found = image::inside::resolve(root, Path::new(path), true).ok()?;
        let rest = found.strip_prefix(root).ok().filter(|_| found.is_file())?;
        Some(Path::new("/").join(rest))
    };
    let over = |file: &str, target: &Path| Mount {
        source: stand_in.trust.join(file),
        target: target.to_owned(),
    };
    let own_java = format!("{java_home}/lib/security/cacerts");
    let java = JAVA_STORES.iter().copied().chain([own_java.as_str()]);
    let mut stores: Vec<PathBuf> = java.filter_map(inside).collect();
    stores.sort();
    stores.dedup();
    let bundles: Vec<PathBuf> = BUNDLES.into_iter().filter_map(inside).collect();
    let mut mounts: Vec<Mount> = stores.iter().map(|store| over(JAVA_STORE, store)).collect();
    mounts.extend(bundles.first().map(|first| over(BUNDLE, first)));
    let variables = bundles.first().map(|first| variables(first, first)).unwrap_or_default();
    (mounts, variables)
}

const NODE_EXTRA: &str = "NODE_EXTRA_CA_CERTS";

type Variables = Vec<(String, String)>;

/// What tells programs of the host's kind whom to trust.
pub(crate) fn system_variables(host: &Host, place: &Place, runtime: &str) -> Variables {
    if host.options.stand_in.is_none() || !place.is_namespaces() {
        return Variables::new();
    }
    let inside = Path::new(INSIDE);
    let mut all = variables(&inside.join(AUTHORITY), &inside.join(BUNDLE));
    // With it Node.js 20 starts slowly; its runtime client sees to this when it is wanted.
    all.retain(|(name, _)| name != NODE_EXTRA || runtime != "nodejs20.x");
    all
}

/// Node.js adds to what it trusts; the others take the place of it. Java knows no variable that it
/// keeps quiet about.
fn variables(authority: &Path, bundle: &Path) -> Variables {
    let bundled = ["AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];
    let text = |path: &Path| path.display().to_string();
    let all = bundled.iter().map(|name| ((*name).to_owned(), text(bundle)));
    all.chain([(NODE_EXTRA.to_owned(), text(authority))]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_stood_in_for() {
        let check = |host: &str, expected: bool| assert_eq!(is_ours(host), expected, "{host}");
        check("dynamodb.ap-northeast-2.amazonaws.com", true);
        check("my.bucket.S3.Amazonaws.com.", true);
        check("lambda.us-east-1.api.aws", true);
        check("sts.cn-north-1.amazonaws.com.cn", true);
        check("checkip.amazonaws.com", false);
        check("amazonaws.com.example", false);
        check("notamazonaws.com", false);
        check("", false);
    }
}
