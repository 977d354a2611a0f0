//! The public key in a certificate (X.509, RFC 5280), and nothing else of it: SAML metadata names
//! keys by certificates that need not be anyone's.

/// The RSA public key (PKCS #1) in a certificate in DER; `None` if it holds none.
pub(crate) fn rsa_key(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    const BIT_STRING: u8 = 0x03;
    const OBJECT: u8 = 0x06;
    const VERSION: u8 = 0xa0;
    /// 1.2.840.113549.1.1.1, rsaEncryption.
    const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

    let (certificate, _) = take(certificate, SEQUENCE)?;
    let (mut fields, _) = take(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = take(fields, VERSION)?.1;
    }
    fields = take(fields, INTEGER)?.1;
    // Signature algorithm, issuer, validity, subject.
    for _ in 0..4 {
        fields = take(fields, SEQUENCE)?.1;
    }
    let (key, _) = take(fields, SEQUENCE)?;
    let (algorithm, bits) = take(key, SEQUENCE)?;
    if take(algorithm, OBJECT)?.0 != RSA {
        return None;
    }
    let (bits, _) = take(bits, BIT_STRING)?;
    bits.strip_prefix(&[0])
}

/// The content of a value with this tag, and what follows it.
pub(crate) fn take(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (bytes.iter().fold(0, |n, byte| n << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    (found == tag).then_some(())?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_certificates() {
        for bad in [&b""[..], b"\x30", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff", b"\x30\x00"] {
            assert_eq!(rsa_key(bad), None);
        }
    }
}
