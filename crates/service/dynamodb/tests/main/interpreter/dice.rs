//! Where random choices come from.

/// Choices by bytes that a fuzzer mutates, or by a seed.
pub struct Dice<'a> {
    bytes: &'a [u8],
    state: u64,
    is_seeded: bool,
}

impl<'a> Dice<'a> {
    /// The choices of a seed, without end.
    pub fn seeded(seed: u64) -> Dice<'static> {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
        Dice { bytes: &[], state, is_seeded: true }
    }

    /// The choices that bytes make; when they are used up, always the first.
    pub fn of(bytes: &'a [u8]) -> Dice<'a> {
        Dice { bytes, state: 0, is_seeded: false }
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: usize) -> usize {
        if self.is_seeded {
            self.state =
                self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            return (self.state >> 33) as usize % sides;
        }
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                usize::from(*first) % sides
            }
            None => 0,
        }
    }

    /// Whether something of a chance of one in `sides` happens; not when the bytes are used up.
    pub fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == sides - 1
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }
}
