//! What stands in for AWS's hosts inside functions' sandboxes: TLS with certificates that only
//! functions trust, and the files by which they do.

mod java;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::tls::{Ca, Door, Reach};
use kernel::Kernel;
use service_lambda::{AUTHORITY, BUNDLE, Connection, DOMAINS, Endpoint, JAVA_STORE, StandIn};

use crate::Failure;

/// A system's bundle is some 220 KiB.
const BUNDLE_BYTES_MAX: u64 = 16 << 20;

/// Opens the authority in its folder, or makes it, and writes the files of trust. What comes in
/// over TLS goes on to `endpoint`.
pub fn open(
    kernel: &Kernel,
    authority: &Path,
    trust: &Path,
    endpoint: Endpoint,
) -> Result<StandIn, Failure> {
    let now_s = kernel.clock().now().epoch_ms.div_euclid(1000);
    let domains = DOMAINS.map(str::to_owned);
    let ca = Ca::open_with(authority, Reach::Hosts, &domains, now_s)?;
    // The key's folder is ours alone; a program never sees it.
    fs::set_permissions(authority, fs::Permissions::from_mode(0o700))?;
    write(trust, ca.certificate_pem()).map_err(|e| Failure::of(trust.display(), e))?;
    let door = Door::new(Arc::new(ca), now_s)?;
    let secure: Endpoint = Arc::new(move |stream: Box<dyn Connection>| {
        let (door, endpoint) = (door.clone(), endpoint.clone());
        Box::pin(async move {
            // Who trusts nobody, or speaks no TLS, hears of it from his own client.
            if let Ok(plain) = door.open(stream).await {
                endpoint(Box::new(plain)).await;
            }
        })
    });
    Ok(StandIn { secure, trust: trust.to_owned() })
}

/// Writes the authority's certificate alone, and with those that this machine trusts.
fn write(folder: &Path, authority: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    let mut bundle = system_bundle();
    if !bundle.is_empty() && !bundle.ends_with('\n') {
        bundle.push('\n');
    }
    bundle.push_str(authority);
    let store = java::store(&certificates(&bundle));
    for (name, bytes) in
        [(AUTHORITY, authority.as_bytes()), (BUNDLE, bundle.as_bytes()), (JAVA_STORE, &store)]
    {
        let (path, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
        fs::write(&fresh, bytes)?;
        // Unlike what umask says: sandboxes run as nobody in particular.
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644))?;
        fs::rename(&fresh, &path)?;
    }
    Ok(())
}

/// What this machine trusts, PEM; nothing where it does not tell.
fn system_bundle() -> String {
    let Some(path) = fetch::system_bundle() else { return String::new() };
    let short = fs::metadata(path).is_ok_and(|facts| facts.len() <= BUNDLE_BYTES_MAX);
    // Comments in it need not be UTF-8.
    let bytes = if short { fs::read(path).unwrap_or_default() } else { Vec::new() };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The certificates of a PEM text, DER. What is none is passed over.
fn certificates(pem: &str) -> Vec<Vec<u8>> {
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = blocks.filter_map(|block| block.split_once("-----END CERTIFICATE-----"));
    let decoded = bodies.filter_map(|(body, _)| {
        let text: String = body.split_whitespace().collect();
        STANDARD.decode(text).ok()
    });
    decoded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_a_bundle() {
        let block = |body: &str| {
            format!("# a name\n-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        let text = format!("{}{}{}", block("AQID\nBAUG"), block("!"), block("Bw=="));
        assert_eq!(certificates(&text), [vec![1, 2, 3, 4, 5, 6], vec![7]]);
        assert!(
            certificates("").is_empty() && certificates("-----BEGIN CERTIFICATE-----").is_empty()
        );
    }
}
