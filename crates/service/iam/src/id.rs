//! Unique ids and access key ids, formed as AWS forms them.

use kernel::{Ctx, Random};

/// A unique id: four letters that tell the kind, 17 characters of base 32.
pub(crate) fn unique(ctx: &Ctx, prefix: &str) -> String {
    format!("{prefix}{}", ctx.random().base32(17))
}

/// An id that depends on `name` alone, for what we know as a fact and not by its id.
pub(crate) fn of_fact(prefix: &str, name: &str) -> String {
    // FNV-1a over the name, twice with different starts: it need only be the same every time.
    let hash = |start: u64| {
        name.bytes().fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
    };
    let bits = (u128::from(hash(0xcbf2_9ce4_8422_2325)) << 64) | u128::from(hash(0x9e37_79b9));
    let digits = (0..17).map(|i| base32_digit((bits >> (5 * i)) as u8));
    prefix.chars().chain(digits).collect()
}

/// `AKIA…`: bits 1 to 40 after the prefix are the account, as in AWS's keys since 2019, which is
/// what `sts:GetAccessKeyInfo` reads.
pub(crate) fn access_key(random: &dyn Random, account: &str) -> String {
    let account: u64 = account.parse().unwrap_or(0);
    let mut low = [0; 16];
    random.fill(&mut low);
    let bits = u128::from_le_bytes(low);
    let head = (1 << 79) | (u128::from(account & 0xff_ffff_ffff) << 39);
    let bits = head | (bits & ((1 << 39) - 1));
    let digits = (0..16).rev().map(|i| base32_digit((bits >> (5 * i)) as u8));
    "AKIA".chars().chain(digits).collect()
}

/// A secret access key: 40 characters of base 64, 30 random bytes.
pub(crate) fn secret(random: &dyn Random) -> String {
    use base64::Engine as _;
    let mut bytes = [0; 30];
    random.fill(&mut bytes);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn base32_digit(bits: u8) -> char {
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(bits & 31)].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::SeededRandom;

    #[test]
    fn access_key_ids_tell_their_account() {
        let id = access_key(&SeededRandom::new(1), "581039954779");
        // Read as published: the first six bytes after the prefix, bits 7 to 46.
        let digit = |c| b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|d| *d == c).unwrap();
        let bits = id.bytes().skip(4).fold(0u128, |bits, c| (bits << 5) | digit(c) as u128);
        assert_eq!(((bits >> 32) & 0x7fff_ffff_ff80) >> 7, 581_039_954_779);
        assert_eq!(id.len(), 20);
        assert_eq!(secret(&SeededRandom::new(1)).len(), 40);
    }

    #[test]
    fn ids_of_facts_do_not_change() {
        assert_eq!(of_fact("ANPA", "AdministratorAccess"), of_fact("ANPA", "AdministratorAccess"));
        assert_ne!(of_fact("ANPA", "AdministratorAccess"), of_fact("ANPA", "ReadOnlyAccess"));
        assert_eq!(of_fact("ANPA", "x").len(), 21);
    }
}
