//! Keys of items in the store: `hash(pk) | pk | sk`, below a prefix for the
//! table.
//!
//! The hash spreads partitions over the key space, so that a scan's segments
//! are ranges of it, and a scan's order is the hash's as in DynamoDB. Within
//! a partition items lie in the order of the sort key: strings and binaries
//! by bytes, numbers by value.

use crate::value::Value;

/// Bytes of the hash in front of the partition key.
pub const HASH_BYTES: usize = 4;
/// Bytes a partition key value may have.
pub const PARTITION_KEY_MAX_BYTES: usize = 2048;
/// Bytes a sort key value may have.
pub const SORT_KEY_MAX_BYTES: usize = 1024;

/// Whether a value of the right type can be a key: neither empty nor too long.
pub fn is_possible(value: &Value, is_partition: bool) -> bool {
    let size = match value {
        Value::S(text) => text.len(),
        Value::B(bytes) => bytes.len(),
        _ => return true,
    };
    let most = if is_partition { PARTITION_KEY_MAX_BYTES } else { SORT_KEY_MAX_BYTES };
    (1..=most).contains(&size)
}

/// Appends what all items of a partition begin with.
///
/// The partition key's own order does not matter behind the hash, so it is
/// simply written with its length.
pub fn write_partition(value: &Value, out: &mut Vec<u8>) {
    write_partitions(&[value], out);
}

/// As [`write_partition`], for partitions that several values make.
pub fn write_partitions(values: &[&Value], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend([0; HASH_BYTES]);
    for value in values {
        match value {
            Value::N(number) => number.write_key(out),
            Value::S(text) => write_sized(text.as_bytes(), out),
            Value::B(bytes) => write_sized(bytes, out),
            // Validation lets no other type be a key.
            _ => {}
        }
    }
    let hash = hash(&out[start + HASH_BYTES..]);
    out[start..start + HASH_BYTES].copy_from_slice(&hash.to_be_bytes());
}

fn write_sized(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a sort key value so that bytes sort as values do and none is the
/// beginning of another.
pub fn write_sort(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::N(number) => number.write_key(out),
        Value::S(text) => write_escaped(text.as_bytes(), out),
        Value::B(bytes) => write_escaped(bytes, out),
        _ => return,
    }
    if !matches!(value, Value::N(_)) {
        out.extend([0, 0]);
    }
}

/// Appends what all sort keys that begin with `value` begin with.
pub fn write_sort_prefix(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::S(text) => write_escaped(text.as_bytes(), out),
        Value::B(bytes) => write_escaped(bytes, out),
        _ => {}
    }
}

/// Zero bytes are followed by 0xff, so that two of them can end a value.
fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
}

/// The least key that is greater than every key beginning with `prefix`;
/// `None` if there is none.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// Where segment `segment` of `total` begins among the hashes. A segment ends
/// where the next begins; the end of the last is beyond all hashes, `None`.
pub fn segment_start(segment: u32, total: u32) -> Option<[u8; HASH_BYTES]> {
    let start = (u64::from(segment) << 32).div_ceil(u64::from(total));
    u32::try_from(start).ok().map(u32::to_be_bytes)
}

/// FNV-1a with a finishing mix, since FNV's high bits alone are poor on short
/// keys. Stored keys depend on it: it must never change.
fn hash(bytes: &[u8]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for &byte in bytes {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::Number;

    fn sort_key(value: &Value) -> Vec<u8> {
        let mut key = Vec::new();
        write_sort(value, &mut key);
        key
    }

    #[test]
    fn sort_keys_sort_as_values() {
        let strings = ["", "\0", "\0\0", "\0a", "a", "a\0", "a\0b", "aa", "b", "가", "힣", "🐈"];
        for (i, a) in strings.iter().enumerate() {
            for (j, b) in strings.iter().enumerate() {
                let (a, b) = (Value::S((*a).to_owned()), Value::S((*b).to_owned()));
                assert_eq!(sort_key(&a).cmp(&sort_key(&b)), i.cmp(&j), "{a:?} {b:?}");
                let mut prefix = Vec::new();
                write_sort_prefix(&a, &mut prefix);
                assert_eq!(sort_key(&b).starts_with(&prefix), strings[j].starts_with(strings[i]));
            }
        }
        let (a, b) = (Value::B(vec![127]), Value::B(vec![128]));
        assert!(sort_key(&a) < sort_key(&b));
    }

    #[test]
    fn no_partition_begins_another() {
        let values = [
            Value::S("a".to_owned()),
            Value::S("ab".to_owned()),
            Value::S(String::new()),
            Value::N(Number::from(5)),
            Value::B(vec![0, 0, 0, 1]),
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                let (mut x, mut y) = (Vec::new(), Vec::new());
                write_partition(a, &mut x);
                write_partition(b, &mut y);
                assert_eq!(x.starts_with(&y), i == j);
            }
        }
    }

    #[test]
    fn segments_cover_all_hashes_once() {
        for total in [1, 2, 3, 7, 1000, 1_000_000] {
            assert_eq!(segment_start(0, total), Some([0; 4]));
            assert_eq!(segment_start(total, total), None);
            let starts: Vec<_> = (0..total.min(2000))
                .map(|segment| segment_start(segment, total).unwrap())
                .collect();
            assert!(starts.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn hashes_spread_and_stay() {
        // Stored keys contain it: these may never change.
        assert_eq!(hash(b"order#1"), 0xe3e9_2c5d);
        assert_eq!(hash(b""), 0xecba_3df2);
        let mut halves = [0; 2];
        for i in 0..1000 {
            halves[(hash(format!("user{i}").as_bytes()) >> 31) as usize] += 1;
        }
        assert!(halves[0] > 400 && halves[1] > 400, "{halves:?}");
    }

    #[test]
    fn after_a_prefix() {
        assert_eq!(after_prefix(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(after_prefix(&[1, 0xff]), Some(vec![2]));
        assert_eq!(after_prefix(&[0xff, 0xff]), None);
    }
}
