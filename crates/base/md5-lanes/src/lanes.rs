//! MD5 of eight streams side by side, in the eight numbers of an AVX2 register.

use crate::Job;

/// Streams at a time.
pub(super) const LANES: usize = 8;

/// Whether this processor can.
pub(super) fn are_there() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Takes as many blocks in as each of at most [`LANES`] jobs has in its first piece.
pub(super) fn compress(jobs: &mut [&mut Job]) {
    let blocks = jobs.iter_mut().map(|job| job.blocks()).min().unwrap_or(0);
    #[cfg(target_arch = "x86_64")]
    if are_there() && jobs.len() <= LANES {
        // SAFETY: the processor has AVX2, which is all that the function asks for.
        unsafe { avx2::compress(jobs, blocks) };
        return;
    }
    for job in jobs {
        let range = job.take(blocks);
        crate::compress(&mut job.words, &job.buffer[range]);
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::*;
    use std::ops::Range;

    use super::LANES;
    use crate::{BLOCK_BYTES, Job, block};

    macro_rules! step {
        ($mix:expr, $a:ident, $b:ident, $m:ident, $k:literal, $s:literal, $t:literal) => {
            let known = _mm256_add_epi32($m[$k], _mm256_set1_epi32($t as u32 as i32));
            $a = _mm256_add_epi32(_mm256_add_epi32($a, known), $mix);
            let (up, down) = (_mm256_slli_epi32::<$s>($a), _mm256_srli_epi32::<{ 32 - $s }>($a));
            $a = _mm256_add_epi32(_mm256_or_si256(up, down), $b);
        };
    }
    macro_rules! f {
        ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
            let either = _mm256_and_si256($b, _mm256_xor_si256($c, $d));
            step!(_mm256_xor_si256($d, either), $a, $b, $($rest)*)
        };
    }
    macro_rules! g {
        ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
            $a = _mm256_add_epi32($a, _mm256_andnot_si256($d, $c));
            step!(_mm256_and_si256($b, $d), $a, $b, $($rest)*)
        };
    }
    macro_rules! h {
        ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
            step!(_mm256_xor_si256($b, _mm256_xor_si256($c, $d)), $a, $b, $($rest)*)
        };
    }
    macro_rules! i {
        ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
            let not = _mm256_xor_si256($d, _mm256_set1_epi32(-1));
            step!(_mm256_xor_si256($c, _mm256_or_si256($b, not)), $a, $b, $($rest)*)
        };
    }

    /// Takes so many blocks of each job in; each has them in its first piece.
    #[target_feature(enable = "avx2")]
    pub fn compress(jobs: &mut [&mut Job], blocks: usize) {
        let taken: Vec<Range<usize>> = jobs.iter_mut().map(|job| job.take(blocks)).collect();
        // Lanes that nobody needs do the last one's work again.
        let of = |lane: usize| lane.min(jobs.len() - 1);
        let input: [&[u8]; LANES] =
            std::array::from_fn(|lane| &jobs[of(lane)].buffer[taken[of(lane)].clone()]);
        let words: [[u32; LANES]; 4] =
            std::array::from_fn(|word| std::array::from_fn(|lane| jobs[of(lane)].words[word]));
        let mut state = [load(&words[0]), load(&words[1]), load(&words[2]), load(&words[3])];
        for at in (0..blocks * BLOCK_BYTES).step_by(BLOCK_BYTES) {
            state = one(state, &message(&input, at));
        }
        let mut words = [[0; LANES]; 4];
        for (words, state) in words.iter_mut().zip(state) {
            store(words, state);
        }
        for (lane, job) in jobs.iter_mut().enumerate() {
            job.words = [words[0][lane], words[1][lane], words[2][lane], words[3][lane]];
        }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn one(before: [__m256i; 4], m: &[__m256i; 16]) -> [__m256i; 4] {
        let [mut a, mut b, mut c, mut d] = before;
        block!(f, g, h, i, a, b, c, d, m);
        [
            _mm256_add_epi32(a, before[0]),
            _mm256_add_epi32(b, before[1]),
            _mm256_add_epi32(c, before[2]),
            _mm256_add_epi32(d, before[3]),
        ]
    }

    /// The blocks at one place, each word of all lanes beside one another.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn message(input: &[&[u8]; LANES], at: usize) -> [__m256i; 16] {
        let mut message = [_mm256_setzero_si256(); 16];
        for half in 0..2 {
            let mut rows = [_mm256_setzero_si256(); LANES];
            for (row, input) in rows.iter_mut().zip(input) {
                *row = bytes(input, at + half * 32);
            }
            let turned = turn(rows);
            message[half * 8..half * 8 + 8].copy_from_slice(&turned);
        }
        message
    }

    /// Makes columns of rows.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn turn(r: [__m256i; 8]) -> [__m256i; 8] {
        let mut pairs = [_mm256_setzero_si256(); 8];
        for n in 0..4 {
            pairs[2 * n] = _mm256_unpacklo_epi32(r[2 * n], r[2 * n + 1]);
            pairs[2 * n + 1] = _mm256_unpackhi_epi32(r[2 * n], r[2 * n + 1]);
        }
        // Columns 0 to 3 of rows 0 to 3 in the lower half, 4 to 7 in the upper; then of rows 4 to 7.
        let mut fours = [_mm256_setzero_si256(); 8];
        for n in 0..2 {
            fours[4 * n] = _mm256_unpacklo_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 1] = _mm256_unpackhi_epi64(pairs[4 * n], pairs[4 * n + 2]);
            fours[4 * n + 2] = _mm256_unpacklo_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
            fours[4 * n + 3] = _mm256_unpackhi_epi64(pairs[4 * n + 1], pairs[4 * n + 3]);
        }
        let mut columns = [_mm256_setzero_si256(); 8];
        for n in 0..4 {
            columns[n] = _mm256_permute2x128_si256::<0x20>(fours[n], fours[n + 4]);
            columns[n + 4] = _mm256_permute2x128_si256::<0x31>(fours[n], fours[n + 4]);
        }
        columns
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn bytes(input: &[u8], at: usize) -> __m256i {
        let bytes: &[u8; 32] = input[at..].first_chunk().expect("blocks are whole");
        // SAFETY: 32 bytes are read, and there are 32; no alignment is asked for.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(words: &[u32; LANES]) -> __m256i {
        // SAFETY: 32 bytes are read, and there are eight words of four; unaligned.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store(words: &mut [u32; LANES], from: __m256i) {
        // SAFETY: 32 bytes are written, and there are eight words of four; unaligned.
        unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), from) }
    }
}
