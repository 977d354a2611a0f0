//! What the fuzz targets `s3_form` and `s3_website` call: what pages and strangers send.

use api_s3::{GetBucketWebsiteOutput, WebsiteConfiguration};
use bytes::Bytes;
use kernel::Timestamp;

use crate::post::{Fields, FormError, Parser, Policy, Step};
use crate::settings::website::{Here, Plan, Website};

/// Reads bytes as a form with the boundary `b`, in pieces of several sizes; it has to be the same
/// form each time. Its `policy` is read and judged. Panics where that goes wrong.
pub fn form(bytes: &[u8]) {
    let whole = read(bytes, bytes.len().max(1));
    for piece in [1, 7] {
        let again = read(bytes, piece);
        // Only how far it is read before it is refused may differ.
        assert_eq!(whole.as_ref().ok(), again.as_ref().ok(), "in pieces of {piece}");
    }
    let Ok((given, file)) = whole else { return };
    assert!(file.len() <= bytes.len(), "a file is no longer than its form");
    let mut fields = Fields::default();
    for (name, value) in given {
        if name == "policy"
            && let Ok(policy) = Policy::read(value.as_bytes())
        {
            let (least, most) = policy.length();
            // Whether it allows is not the question.
            let _ = (least <= most, policy.check("bucket", &fields, Timestamp::from_ms(0)));
        }
        fields.add(&name, value);
    }
}

type Form = (Vec<(String, String)>, Bytes);

fn read(bytes: &[u8], piece: usize) -> Result<Form, FormError> {
    let mut parser = Parser::new("multipart/form-data; boundary=b")?;
    let (mut pieces, mut fields, mut file) = (bytes.chunks(piece), Vec::new(), Vec::new());
    loop {
        match parser.step()? {
            Step::More => match pieces.next() {
                Some(piece) => parser.push(piece),
                None => parser.end(),
            },
            Step::Field { name, value } => fields.push((name, value)),
            Step::File { name, content_type } => {
                fields.push((name, content_type.unwrap_or_default()));
            }
            Step::Data(data) => file.extend_from_slice(&data),
            Step::End => return Ok((fields, file.into())),
        }
    }
}

/// Takes a configuration in, shows it, takes that in again, and asks it where to go with `key`.
/// Panics where that goes wrong.
pub fn website(configuration: WebsiteConfiguration, key: &str) {
    let Ok(site) = Website::from_api(configuration) else { return };
    let GetBucketWebsiteOutput {
        redirect_all_requests_to,
        index_document,
        error_document,
        routing_rules,
    } = site.to_api();
    let shown = WebsiteConfiguration {
        redirect_all_requests_to,
        index_document,
        error_document,
        routing_rules,
    };
    assert_eq!(Website::from_api(shown).ok().as_ref(), Some(&site), "what is shown is what is");
    let here = Here { scheme: "http", host: "host" };
    let redirects = [None, Some(403), Some(404)].map(|status| site.redirect(key, status, &here));
    let mut locations: Vec<_> = redirects.into_iter().flatten().collect();
    if let Plan::Redirect(location) = site.plan(key, &here) {
        locations.push(location);
    }
    for location in locations {
        let plain = location.url.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        assert!(plain, "a header of one line: {:?}", location.url);
        assert!((300..400).contains(&location.status), "{}", location.status);
    }
}

#[cfg(test)]
mod tests {
    use api_s3::{Condition, IndexDocument, Redirect, RedirectAllRequestsTo, RoutingRule};

    use super::*;

    #[test]
    fn websites_of_any_text() {
        let texts = [
            "",
            "a",
            "a b\r\nx: y",
            "한국어/",
            "%0d%0a",
            "//host",
            "https",
            "301",
            "404",
            "?a=b#c",
        ];
        let some = |n: usize| Some(texts[n % texts.len()].to_owned());
        for n in 0..texts.len().pow(3) {
            let (a, b, c) = (n, n / texts.len(), n / texts.len().pow(2));
            let rule = RoutingRule {
                condition: Some(Condition {
                    http_error_code_returned_equals: some(a).filter(|_| a % 2 == 0),
                    key_prefix_equals: some(b),
                }),
                redirect: Redirect {
                    host_name: some(c).filter(|_| b % 2 == 0),
                    http_redirect_code: some(a).filter(|_| c % 2 == 0),
                    protocol: some(b).filter(|_| c % 3 == 0).map(|text| text.as_str().into()),
                    replace_key_prefix_with: some(a + c).filter(|_| a % 3 == 0),
                    replace_key_with: some(b + c).filter(|_| a % 3 == 1),
                },
            };
            let suffix = texts[a % texts.len()].to_owned();
            let rules = WebsiteConfiguration {
                index_document: Some(IndexDocument { suffix }),
                routing_rules: Some(vec![rule]),
                ..Default::default()
            };
            let host_name = texts[b % texts.len()].to_owned();
            let everything = WebsiteConfiguration {
                redirect_all_requests_to: Some(RedirectAllRequestsTo { host_name, protocol: None }),
                ..Default::default()
            };
            website(rules, texts[c % texts.len()]);
            website(everything, texts[c % texts.len()]);
        }
    }

    /// The seeds, every byte of them changed or the rest cut off.
    #[test]
    fn mutated_forms() {
        let seed = b"--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--b\r\n\
            Content-Disposition: form-data; name=policy\r\n\r\n\
            {\"expiration\": \"2030-01-01T00:00:00Z\", \"conditions\": [[\"eq\", \"$key\", \"k\"]]}\r\n\
            --b\r\nContent-Disposition: form-data; name=file; filename=f\r\n\r\nbytes\r\n--b--\r\n";
        form(seed);
        for at in 0..seed.len() {
            form(&seed[..at]);
            for byte in [0, b'\r', b'\n', b'"', b'-', 0xff] {
                let mut mutated = seed.to_vec();
                mutated[at] = byte;
                form(&mutated);
            }
        }
    }
}
