//! The machine's own randomness: SplitMix64, whose whole state is one number in [`crate::State`].

/// Draws the next number and moves `seed` on.
pub(crate) fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number from 1 to 100, each equally likely (the bias of the remainder is below 2⁻⁵⁷).
pub(crate) fn percent(seed: &mut u64) -> u32 {
    (next(seed) % 100) as u32 + 1
}
