//! The digests that SDKs compare: of a body, and of attributes in the order of their names.
//!
//! Each attribute is length and bytes of its name, length and bytes of its type, one byte that
//! says text or bytes, and length and bytes of its value; lengths are four bytes, big endian
//! (botocore and the AWS SDKs compute it so).

use std::collections::BTreeMap;

use kernel::digest::hex;
use md5::{Digest as _, Md5};

use crate::content::{Attribute, Value};

const TEXT: u8 = 1;
const BYTES: u8 = 2;

/// MD5 in lower-case hexadecimal digits.
pub(crate) fn of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// The digest of attributes; nothing when there are none.
pub(crate) fn of_attributes(attributes: &BTreeMap<String, Attribute>) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, attribute) in attributes {
        part(&mut digest, name.as_bytes());
        part(&mut digest, attribute.data_type.as_bytes());
        let (kind, bytes) = match &attribute.value {
            Value::Text(text) => (TEXT, text.as_bytes()),
            Value::Bytes(bytes) => (BYTES, bytes.as_slice()),
        };
        digest.update([kind]);
        part(&mut digest, bytes);
    }
    Some(hex(&digest.finalize()))
}

fn part(digest: &mut Md5, bytes: &[u8]) {
    digest.update((bytes.len() as u32).to_be_bytes());
    digest.update(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(data_type: &str, value: Value) -> Attribute {
        Attribute { data_type: data_type.into(), value }
    }

    #[test]
    fn digests_are_those_of_aws() {
        assert_eq!(of_body("hello world"), "5eb63bbbe01eeed093cb22bb8f5acdc3");
        assert_eq!(of_attributes(&BTreeMap::new()), None);
        let one = BTreeMap::from([(
            "timestamp".to_owned(),
            attribute("Number", Value::Text("1493147359900".into())),
        )]);
        // From moto's tests, which have it from AWS.
        assert_eq!(of_attributes(&one).unwrap(), "235c5c510d26fb653d073faed50ae77c");
    }
}
