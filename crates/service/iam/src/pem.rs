//! PEM, RFC 7468: blocks of base 64 between lines that say what they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// Blocks in one text: the longest certificate chain.
const BLOCKS_MAX: usize = 64;

/// A label, such as `CERTIFICATE`, and the bytes.
pub(crate) type Block = (String, Vec<u8>);

/// All blocks of a text; `None` when it is not PEM from the first line to the last.
pub(crate) fn blocks(text: &str) -> Option<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (label, body) = rest.strip_prefix("-----BEGIN ")?.split_once("-----")?;
        let (body, after) = body.split_once(&format!("-----END {label}-----"))?;
        let digits: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        blocks.push((label.to_owned(), BASE64.decode(digits).ok()?));
        if blocks.len() > BLOCKS_MAX {
            return None;
        }
        rest = after.trim_start();
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// Writes one block, 64 characters to a line.
pub(crate) fn block(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out + &format!("-----END {label}-----")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let text = block("CERTIFICATE", &[7; 100]);
        assert_eq!(blocks(&text), Some(vec![("CERTIFICATE".to_owned(), vec![7; 100])]));
        assert_eq!(blocks(&format!("{text}\r\n{text}\n")).map(|b| b.len()), Some(2));
        for bad in ["", "x", "-----BEGIN A-----\nAA==\n-----END B-----", "-----BEGIN A-----\n!"] {
            assert_eq!(blocks(bad), None, "{bad}");
        }
    }
}
