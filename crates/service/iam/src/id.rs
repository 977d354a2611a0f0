//! Unique ids and access key ids, formed as AWS forms them.

use kernel::Ctx;

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

fn base32_digit(bits: u8) -> char {
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(bits & 31)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_facts_do_not_change() {
        assert_eq!(of_fact("ANPA", "AdministratorAccess"), of_fact("ANPA", "AdministratorAccess"));
        assert_ne!(of_fact("ANPA", "AdministratorAccess"), of_fact("ANPA", "ReadOnlyAccess"));
        assert_eq!(of_fact("ANPA", "x").len(), 21);
    }
}
