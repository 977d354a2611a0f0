//! Runtimes that a template asks for and nobody serves any more.

use crate::Failure;

/// The runtime to run with: the one that is asked for, or the oldest of its language that is ready
/// here, where it is older than all that are served. Says so then.
pub fn served(asked: &str, function: &str) -> String {
    let all = service_lambda::installed(&service_lambda::default_runtimes());
    let ready: Vec<(&str, bool)> = all.iter().map(|(name, found)| (*name, found.is_ok())).collect();
    match instead(asked, &ready) {
        Some(other) => {
            eprintln!("{function}: {asked} is out of service; it runs with {other}.");
            other.to_owned()
        }
        None => asked.to_owned(),
    }
}

/// Installs a runtime that is served and not ready, so that the first use is like every other.
pub async fn ready(runtime: &str) -> Result<(), Failure> {
    let all = service_lambda::installed(&service_lambda::default_runtimes());
    let lacking = all.iter().any(|(name, found)| *name == runtime && found.is_err());
    if !lacking {
        return Ok(());
    }
    eprintln!("{runtime} is installed, once.");
    let name = runtime.to_owned();
    tokio::task::spawn_blocking(move || crate::runtime::install(&[&name])).await?
}

/// The runtime in place of one that is older than all that are served.
fn instead<'a>(asked: &str, served: &[(&'a str, bool)]) -> Option<&'a str> {
    let (family, version) = parts(asked);
    let mut same: Vec<(Vec<u32>, &str, bool)> = served
        .iter()
        .map(|(name, ready)| (parts(name), *name, *ready))
        .filter(|((other, _), _, _)| *other == family)
        .map(|((_, version), name, ready)| (version, name, ready))
        .collect();
    same.sort();
    let oldest = same.first()?;
    if version >= oldest.0 {
        return None;
    }
    Some(same.iter().find(|(_, _, ready)| *ready).unwrap_or(oldest).1)
}

/// `nodejs18.x` as a language and a version that can be compared.
fn parts(name: &str) -> (&str, Vec<u32>) {
    let digit = name.find(|letter: char| letter.is_ascii_digit()).unwrap_or(name.len());
    let version = name[digit..].split('.').map_while(|part| part.parse().ok()).collect();
    (&name[..digit], version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtimes_out_of_service() {
        let served = [
            ("nodejs22.x", true),
            ("nodejs20.x", true),
            ("python3.11", false),
            ("python3.12", true),
            ("java11", false),
            ("java17", false),
        ];
        let check = |asked: &str, expected: Option<&str>| {
            assert_eq!(instead(asked, &served), expected, "{asked}");
        };
        check("nodejs14.x", Some("nodejs20.x"));
        check("nodejs20.x", None);
        check("nodejs26.x", None);
        check("python3.9", Some("python3.12"));
        check("python3.11", None);
        check("java8.al2", Some("java11"));
        check("ruby3.3", None);
    }
}
