//! What names stand for inside a sandbox: DNS with one address, the loopback's (RFC 1035).
//!
//! Hosts that this cloud stands in for are there; no other name exists.

use std::ops::Range;

use kernel::Ctx;
use tokio::net::UdpSocket;

use crate::standin::is_ours;

/// A query over UDP is no longer.
const QUERY_BYTES_MAX: usize = 512;
const HEADER_BYTES: usize = 12;
/// Types of records, and the class of all.
const A: u16 = 1;
const ANY: u16 = 255;
const INTERNET: u16 = 1;
const NO_SUCH_NAME: u8 = 3;
/// How long an answer may be kept. It never changes.
const GOOD_FOR_S: u32 = 60;

/// Answers until the future is dropped.
pub(crate) async fn serve(ctx: &Ctx, socket: UdpSocket) {
    let mut query = [0; QUERY_BYTES_MAX];
    loop {
        match socket.recv_from(&mut query).await {
            Ok((length, from)) => {
                if let Some(answer) = answer(&query[..length]) {
                    // Who does not listen any more asks again.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
            Err(_) => ctx.sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

/// The answer to one query; none to what is none.
fn answer(query: &[u8]) -> Option<Vec<u8>> {
    let [id0, id1, flags, _, 0, 1, ..] = *query else { return None };
    // An answer, or another kind of query.
    if flags & 0b1111_1000 != 0 {
        return None;
    }
    let (name, question) = question(query)?;
    let end = question.end;
    let number = |at: usize| u16::from_be_bytes([query[at], query[at + 1]]);
    let (kind, class) = (number(end - 4), number(end - 2));
    let known = is_ours(&name);
    let told = known && class == INTERNET && (kind == A || kind == ANY);
    let code = if known { 0 } else { NO_SUCH_NAME };
    // An answer of our own authority; recursion as asked for, and to be had.
    let mut text = vec![id0, id1, 0b1000_0100 | (flags & 1), 0b1000_0000 | code];
    for count in [1, u16::from(told), 0, 0] {
        text.extend(count.to_be_bytes());
    }
    text.extend(&query[question]);
    if told {
        // The name is that at the beginning of the question.
        text.extend([0xc0, HEADER_BYTES as u8]);
        [A, INTERNET].iter().for_each(|part| text.extend(part.to_be_bytes()));
        text.extend(GOOD_FOR_S.to_be_bytes());
        text.extend([0, 4, 127, 0, 0, 1]);
    }
    Some(text)
}

/// The name that is asked for, and where the question is with its type and class.
fn question(query: &[u8]) -> Option<(String, Range<usize>)> {
    let mut name = String::new();
    let mut at = HEADER_BYTES;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        match length {
            0 => break,
            // The first two bits make it a pointer, which no question needs.
            1..=63 => {}
            _ => return None,
        }
        let label = query.get(at..at + length)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(std::str::from_utf8(label).ok()?);
        at += length;
    }
    let end = at + 4;
    (query.len() >= end).then_some((name, HEADER_BYTES..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend(label.as_bytes());
        }
        query.push(0);
        query.extend(kind.to_be_bytes());
        query.extend(INTERNET.to_be_bytes());
        query
    }

    #[test]
    fn answers() {
        let check = |name: &str, kind: u16, code: u8, address: Option<[u8; 4]>| {
            let query = asked(name, kind);
            let found = answer(&query).expect("an answer");
            assert_eq!(found[..4], [0xab, 0xcd, 0x85, 0x80 | code], "{name}");
            assert_eq!(found[4..12], [0, 1, 0, u8::from(address.is_some()), 0, 0, 0, 0], "{name}");
            assert_eq!(found[12..query.len()], query[12..], "{name}");
            let told = address.map(|address| {
                let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
                [&record[..], &address[..]].concat()
            });
            assert_eq!(found[query.len()..], told.unwrap_or_default(), "{name}");
        };
        let here = Some([127, 0, 0, 1]);
        check("dynamodb.ap-northeast-2.amazonaws.com", A, 0, here);
        check("Bucket.S3.AMAZONAWS.com", ANY, 0, here);
        // There is no IPv6, but the name exists.
        check("sts.amazonaws.com", 28, 0, None);
        check("example.com", A, 3, None);
        check("checkip.amazonaws.com", A, 3, None);
    }

    #[test]
    fn nonsense_has_no_answer() {
        let query = asked("sts.amazonaws.com", A);
        for length in 0..query.len() {
            assert_eq!(answer(&query[..length]), None, "{length}");
        }
        let changed = |at: usize, byte: u8| {
            let mut other = query.clone();
            other[at] = byte;
            answer(&other)
        };
        assert_eq!(changed(2, 0x81), None, "it is an answer");
        assert_eq!(changed(5, 2), None, "two questions");
        assert_eq!(changed(12, 0xc0), None, "a pointer");
        assert_eq!(changed(13, 0xff), None, "no text");
        assert_eq!(changed(12, 63), None, "a label beyond the end");
    }
}
