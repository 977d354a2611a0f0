//! Which compression an answer is sent in (`Accept-Encoding`), as DynamoDB understands it: `identity`
//! does not count, nothing malformed is refused, and of several headers the first is read.

use http::{HeaderMap, header};

use super::Encoding;

/// The one that weighs most; of those that weigh the same the first, and `*` last.
pub(super) fn accepted(request: &HeaderMap) -> Option<Encoding> {
    let text = request.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let mut named = Vec::new();
    let mut others = 0.0f32;
    for coding in text.split(',') {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight(parameters);
        match name.trim() {
            "*" => others = others.max(weight),
            name => named.extend(Encoding::named(name).map(|encoding| (encoding, weight))),
        }
    }
    let unnamed = [Encoding::Gzip, Encoding::Deflate].map(|encoding| (encoding, others));
    let unnamed = unnamed.iter().filter(|other| named.iter().all(|(name, _)| *name != other.0));
    let mut best = (None, 0.0);
    for (encoding, weight) in named.iter().chain(unnamed) {
        if *weight > best.1 {
            best = (Some(*encoding), *weight);
        }
    }
    best.0
}

/// What follows the first `q=`, at most 1, which is also the weight of what is no number.
fn weight(parameters: &str) -> f32 {
    let value = parameters.split_once("q=").map_or("", |(_, rest)| rest);
    let value = value.split(';').next().unwrap_or_default();
    value.trim().parse().ok().filter(|weight: &f32| weight.is_finite()).unwrap_or(1.0).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What DynamoDB does, as ScyllaDB's tests saw it there.
    #[test]
    fn the_encoding_of_an_answer() {
        use Encoding::{Deflate, Gzip};
        let check = |values: &[&str], expected: Option<Encoding>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
            }
            assert_eq!(accepted(&headers), expected, "{values:?}");
        };
        check(&[], None);
        for none in ["", "identity", "br", "x-gzip", "\"gzip\"", "gzip br", "gzip:q=1"] {
            check(&[none], None);
        }
        for none in ["gzip ;q=0", "gzip;q= 0;q=1", "gzip; q=0;q=1", "gzip;nq=0;q=1", "*;q=0"] {
            check(&[none], None);
        }
        check(&["br;q=0.8,identity;q=0.5,*;q=0"], None);
        for gzip in ["gzip", "GZIP, identity", "gzip, deflate", "dog, gzip ,, cat", "*"] {
            check(&[gzip], Some(Gzip));
        }
        for gzip in ["gzip;q=0.8, deflate;q=0.5", "*, deflate;q=0.5", "*;q=0.5,identity"] {
            check(&[gzip], Some(Gzip));
        }
        for gzip in ["gzip;q=31,deflate;q=51", "deflate;q=0.5, gzip;q=31", "gzip;q =0;q=1"] {
            check(&[gzip], Some(Gzip));
        }
        for gzip in ["deflate;q=0.5,gzip;q=0.x", "deflate;q=-0.5,gzip;q=0.2", "gzip;q=0.0001"] {
            check(&[gzip], Some(Gzip));
        }
        check(&["deflate;q=0.5, gzip;q=1;q=0.2"], Some(Gzip));
        check(&["gzip;q=0, gzip;q=1, gzip;q=0"], Some(Gzip));
        for deflate in ["br, identity, deflate, gzip", "*, deflate", "*, gzip;q=0.5", "gzip;q=0, *"]
        {
            check(&[deflate], Some(Deflate));
        }
        for deflate in ["deflate;q=0.5, gzip;q=0.2", "deflate;q=0.5,gzip;q=0."] {
            check(&[deflate], Some(Deflate));
        }
        check(&["gzip", "identity"], Some(Gzip));
        check(&["identity", "gzip"], None);
    }
}
