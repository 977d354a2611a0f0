//! DynamoDB's number: a decimal of up to 38 significant digits with a
//! magnitude between 1E-130 and 9.99…E+125, kept exactly.
//!
//! A [`Number`] is always normalised, so equal numbers are equal values, and
//! its text is DynamoDB's canonical one: plain decimal, no exponent, no
//! superfluous zeros. [`Number::write_key`] gives bytes whose order is the
//! numeric order, and which end themselves, so that they may be followed by
//! more of a key.

use std::cmp::Ordering;
use std::fmt;

use crate::invalid::Invalid;

/// Significant digits a number may have.
pub const DIGITS_MAX: usize = 38;
/// Power of ten of the leading digit of the largest numbers.
pub const MAGNITUDE_MAX: i32 = 125;
/// Power of ten of the leading digit of the smallest numbers above zero.
pub const MAGNITUDE_MIN: i32 = -130;

const OVERFLOW: &str =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
const UNDERFLOW: &str =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";
const TOO_PRECISE: &str = "Attempting to store more than 38 significant digits in a Number";
const NOT_A_NUMBER: &str = "The parameter cannot be converted to a numeric value";

/// An exact decimal number: `coefficient × 10^exponent`.
///
/// Normalised: the coefficient has no trailing zero, and zero is `0 × 10^0`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Number {
    coefficient: i128,
    exponent: i16,
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number { coefficient: 0, exponent: 0 };

    /// Reads what a client may write: `-1.50`, `+3`, `.5`, `1E-3`, `007`.
    ///
    /// # Errors
    /// DynamoDB's own words for text that is no number, for more than 38
    /// significant digits, and for a magnitude out of range.
    pub fn parse(text: &str) -> Result<Number, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(NOT_A_NUMBER));
        }
        let (negative, digits, exponent) =
            scan(text).ok_or_else(|| Invalid(format!("{NOT_A_NUMBER}: {text}")))?;
        digits.finish(negative, exponent)
    }

    /// The significant digits, most significant first; none for zero.
    fn digits(self) -> Digits {
        let mut digits = Digits { bytes: [0; DIGITS_MAX], start: DIGITS_MAX };
        let mut rest = self.coefficient.unsigned_abs();
        // Few numbers are so wide that they need division of 128 bits, which is slow.
        while rest > u128::from(u64::MAX) {
            digits.start -= 1;
            digits.bytes[digits.start] = (rest % 10) as u8;
            rest /= 10;
        }
        let mut rest = rest as u64;
        while rest != 0 {
            digits.start -= 1;
            digits.bytes[digits.start] = (rest % 10) as u8;
            rest /= 10;
        }
        digits
    }

    /// The power of ten of the leading digit; 0 for zero.
    fn magnitude(self) -> i32 {
        let digits = self.digits().len() as i32;
        if digits == 0 { 0 } else { i32::from(self.exponent) + digits - 1 }
    }

    /// Bytes this number counts in an item: one, and one for each pair of
    /// digits, paired as base-100 digits are, and one for a minus sign.
    pub fn size_bytes(self) -> usize {
        let digits = self.digits().len();
        if digits == 0 {
            return 1;
        }
        let unpaired = digits.is_multiple_of(2) && self.magnitude().rem_euclid(2) == 0;
        1 + digits.div_ceil(2) + usize::from(unpaired) + usize::from(self.coefficient < 0)
    }

    /// The exact sum.
    ///
    /// # Errors
    /// When the sum's magnitude is out of range, or it needs more than 38
    /// digits, for which DynamoDB also reports an overflow.
    pub fn plus(self, other: Number) -> Result<Number, Invalid> {
        if other.coefficient == 0 {
            return Ok(self);
        }
        if self.coefficient == 0 {
            return Ok(other);
        }
        let bottom = self.exponent.min(other.exponent);
        let top = self.magnitude().max(other.magnitude());
        // Wider than this, no borrow can bring the result back to 38 digits.
        if top - i32::from(bottom) > DIGITS_MAX as i32 {
            return Err(Invalid::new(OVERFLOW));
        }
        let (a, b) = (Columns::new(self, bottom), Columns::new(other, bottom));
        let (sum, negative) = a.add(&b, self.coefficient < 0, other.coefficient < 0);
        let mut digits = Gather::default();
        sum.0.iter().rev().for_each(|&digit| digits.push(digit));
        digits.finish(negative, i64::from(bottom)).map_err(|problem| {
            if problem.0 == TOO_PRECISE { Invalid::new(OVERFLOW) } else { problem }
        })
    }

    /// The exact difference; errors as for [`Number::plus`].
    ///
    /// # Errors
    /// As [`Number::plus`].
    pub fn minus(self, other: Number) -> Result<Number, Invalid> {
        self.plus(Number { coefficient: -other.coefficient, ..other })
    }

    /// The greatest whole number that is not above this one; nothing if that is negative or too
    /// large.
    pub fn floor_u64(self) -> Option<u64> {
        let coefficient = u128::try_from(self.coefficient).ok()?;
        let power = 10u128.checked_pow(u32::from(self.exponent.unsigned_abs()));
        let whole = match power {
            Some(power) if self.exponent >= 0 => coefficient.checked_mul(power)?,
            Some(power) => coefficient / power,
            None if self.exponent >= 0 => return None,
            None => 0,
        };
        u64::try_from(whole).ok()
    }

    /// Appends bytes that sort as the numbers do and that end themselves.
    ///
    /// A sign byte; then for a number other than zero its magnitude and its
    /// digits in pairs, ended by 0; all but the sign inverted when negative.
    pub fn write_key(self, out: &mut Vec<u8>) {
        let flip = match self.coefficient.cmp(&0) {
            Ordering::Equal => return out.push(1),
            Ordering::Less => {
                out.push(0);
                0xff
            }
            Ordering::Greater => {
                out.push(2);
                0
            }
        };
        out.push((self.magnitude() - MAGNITUDE_MIN) as u8 ^ flip);
        for pair in self.digits().as_slice().chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            out.push((pair[0] * 10 + low + 1) ^ flip);
        }
        out.push(flip);
    }

    /// How many bytes of those in front [`Number::write_key`] wrote, by their end alone.
    pub fn key_length(bytes: &[u8]) -> Option<usize> {
        let flip = match bytes.first()? {
            0 => 0xff,
            1 => return Some(1),
            _ => 0,
        };
        let digits = bytes.get(2..)?.iter().take(DIGITS_MAX / 2 + 1);
        Some(2 + digits.into_iter().position(|&byte| byte == flip)? + 1)
    }

    /// Writes what `Display` does: quicker for the numbers that most are.
    pub fn push_text(self, out: &mut Vec<u8>) {
        use std::io::Write as _;
        let whole = match (u64::try_from(self.coefficient), self.exponent) {
            (Ok(coefficient), exponent @ 0..10) => {
                coefficient.checked_mul(10_u64.pow(exponent.unsigned_abs().into()))
            }
            _ => None,
        };
        // Writing into a vector cannot fail.
        let _ = match whole {
            Some(whole) => write!(out, "{whole}"),
            None => write!(out, "{self}"),
        };
    }

    /// Reads what [`Number::write_key`] wrote from the front of `bytes`, and
    /// gives what follows it; `None` if the bytes are not of that form.
    pub fn read_key(bytes: &[u8]) -> Option<(Number, &[u8])> {
        let (&sign, rest) = bytes.split_first()?;
        let flip = match sign {
            0 => 0xff,
            1 => return Some((Number::ZERO, rest)),
            2 => 0,
            _ => return None,
        };
        let (&magnitude, rest) = rest.split_first()?;
        let end = rest.iter().take(DIGITS_MAX / 2 + 1).position(|&b| b == flip)?;
        let digits = 2 * end as i32;
        let mut pairs = rest[..end].iter().map(|byte| (byte ^ flip).checked_sub(1));
        // So many pairs fit into 64 bits.
        let narrow = pairs.by_ref().take(9).try_fold(0u64, |sum, pair| {
            Some(sum * 100 + u64::from(pair.filter(|&pair| pair < 100)?))
        })?;
        let mut coefficient = pairs.try_fold(i128::from(narrow), |sum, pair| {
            Some(sum * 100 + i128::from(pair.filter(|&pair| pair < 100)?))
        })?;
        if coefficient == 0 {
            return None;
        }
        let mut exponent = i32::from(magnitude ^ flip) + MAGNITUDE_MIN - (digits - 1);
        if coefficient % 10 == 0 {
            coefficient /= 10;
            exponent += 1;
        }
        let coefficient = if sign == 0 { -coefficient } else { coefficient };
        Some((Number { coefficient, exponent: exponent as i16 }, &rest[end + 1..]))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Number {
        let mut number = Number { coefficient: i128::from(value), exponent: 0 };
        while number.coefficient != 0 && number.coefficient % 10 == 0 {
            number.coefficient /= 10;
            number.exponent += 1;
        }
        number
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let signs = self.coefficient.signum().cmp(&other.coefficient.signum());
        if signs != Ordering::Equal || self.coefficient == 0 {
            return signs;
        }
        let absolute = self.magnitude().cmp(&other.magnitude()).then_with(|| {
            // Same magnitude: the digits compare as fractions do.
            self.digits().as_slice().cmp(other.digits().as_slice())
        });
        if self.coefficient < 0 { absolute.reverse() } else { absolute }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.coefficient == 0 {
            return f.write_str("0");
        }
        if self.coefficient < 0 {
            f.write_str("-")?;
        }
        let exponent = i32::from(self.exponent);
        let coefficient = self.coefficient.unsigned_abs();
        if exponent >= 0 {
            return write!(f, "{coefficient}{:0<1$}", "", exponent as usize);
        }
        let digits = coefficient.to_string();
        let fraction = exponent.unsigned_abs() as usize;
        if digits.len() > fraction {
            let (whole, part) = digits.split_at(digits.len() - fraction);
            write!(f, "{whole}.{part}")
        } else {
            write!(f, "0.{:0<1$}{digits}", "", fraction - digits.len())
        }
    }
}

/// The digits of a coefficient, right-aligned in `bytes`.
struct Digits {
    bytes: [u8; DIGITS_MAX],
    start: usize,
}

impl Digits {
    fn len(&self) -> usize {
        DIGITS_MAX - self.start
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Columns for adding on paper, least significant digit first: two numbers
/// that lie within 39 columns, and one for the carry.
struct Columns([u8; DIGITS_MAX + 2]);

impl Columns {
    fn new(number: Number, bottom: i16) -> Columns {
        let mut columns = Columns([0; DIGITS_MAX + 2]);
        let shift = (number.exponent - bottom) as usize;
        for (i, &digit) in number.digits().as_slice().iter().rev().enumerate() {
            columns.0[shift + i] = digit;
        }
        columns
    }

    /// The sum's magnitude and whether it is negative.
    fn add(&self, other: &Columns, negative: bool, other_negative: bool) -> (Columns, bool) {
        if negative == other_negative {
            return (self.plus(other), negative);
        }
        if self.0.iter().rev().ge(other.0.iter().rev()) {
            (self.minus(other), negative)
        } else {
            (other.minus(self), other_negative)
        }
    }

    fn plus(&self, other: &Columns) -> Columns {
        let mut sum = Columns([0; DIGITS_MAX + 2]);
        let mut carry = 0;
        for (i, column) in sum.0.iter_mut().enumerate() {
            let digit = self.0[i] + other.0[i] + carry;
            *column = digit % 10;
            carry = digit / 10;
        }
        sum
    }

    /// `self - other`, where `self` is not the smaller.
    fn minus(&self, other: &Columns) -> Columns {
        let mut difference = Columns([0; DIGITS_MAX + 2]);
        let mut borrow = 0;
        for (i, column) in difference.0.iter_mut().enumerate() {
            let (a, b) = (self.0[i] + 10, other.0[i] + borrow);
            *column = (a - b) % 10;
            borrow = u8::from(a - b < 10);
        }
        difference
    }
}

/// Gathers the digits of a coefficient, most significant first, however many
/// zeros surround them.
#[derive(Default)]
struct Gather {
    coefficient: i128,
    /// Digits from the first to the last that is not zero.
    digits: usize,
    /// Zeros seen since that last one.
    zeros: usize,
}

impl Gather {
    fn push(&mut self, digit: u8) {
        if digit == 0 {
            self.zeros += usize::from(self.digits > 0);
            return;
        }
        let places = self.zeros + 1;
        self.digits += places;
        self.zeros = 0;
        if self.digits <= DIGITS_MAX {
            self.coefficient = self.coefficient * 10i128.pow(places as u32) + i128::from(digit);
        }
    }

    /// The number whose last digit pushed has the power of ten `exponent`.
    fn finish(self, negative: bool, exponent: i64) -> Result<Number, Invalid> {
        if self.digits == 0 {
            return Ok(Number::ZERO);
        }
        let exponent = exponent + self.zeros as i64;
        let magnitude = exponent + self.digits as i64 - 1;
        if magnitude > i64::from(MAGNITUDE_MAX) {
            return Err(Invalid::new(OVERFLOW));
        }
        if magnitude < i64::from(MAGNITUDE_MIN) {
            return Err(Invalid::new(UNDERFLOW));
        }
        if self.digits > DIGITS_MAX {
            return Err(Invalid::new(TOO_PRECISE));
        }
        let coefficient = if negative { -self.coefficient } else { self.coefficient };
        Ok(Number { coefficient, exponent: exponent as i16 })
    }
}

/// Takes a number's text apart: whether it is negative, its digits, and the
/// power of ten of the last digit; `None` if it is not a number's text.
fn scan(text: &str) -> Option<(bool, Gather, i64)> {
    let (negative, text) = sign(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], read_exponent(&text[at + 1..])?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut gather = Gather::default();
    for byte in whole.bytes().chain(fraction.bytes()) {
        gather.push(byte.checked_sub(b'0').filter(|&digit| digit < 10)?);
    }
    Some((negative, gather, exponent - fraction.len() as i64))
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// An exponent, held to a range far outside what is allowed.
fn read_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = sign(text);
    if digits.is_empty() {
        return None;
    }
    let mut value = 0i64;
    for byte in digits.bytes() {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        value = (value * 10 + i64::from(digit)).min(1 << 40);
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests;
