//! The samples of one metric and unit in one span of time, merged.

/// Values that a cell keeps apart; more are gathered into ranges.
const VALUES_MAX: usize = 256;
/// By how much the bounds of such a range differ at first.
const RANGE: f64 = 1.01;
/// The first byte of a stored cell.
const FORM: u8 = 1;
const HEAD_BYTES: usize = 2 + 4 * 8;
const VALUE_BYTES: usize = 16;

/// Samples of one span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    /// Samples, which clients may count in fractions.
    pub count: f64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    /// Values in order, each with its samples.
    pub values: Vec<(f64, f64)>,
    /// Samples are in it whose values nobody told: percentiles cannot be known.
    pub is_opaque: bool,
}

impl Cell {
    /// Nothing yet; the neutral element of [`Cell::merge`].
    pub fn empty() -> Self {
        let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
        Cell { count: 0.0, sum: 0.0, min, max, values: Vec::new(), is_opaque: false }
    }

    /// Values with how often each came.
    pub fn of_values(values: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let mut cell = Cell::empty();
        for (value, count) in values {
            if count > 0.0 {
                cell.count += count;
                cell.sum += value * count;
                cell.min = cell.min.min(value);
                cell.max = cell.max.max(value);
                cell.values.push((value, count));
            }
        }
        cell.settle();
        cell
    }

    /// What a client has summed up. The values are known if they are all the same.
    pub fn of_sums(count: f64, sum: f64, min: f64, max: f64) -> Self {
        let is_opaque = count != 1.0 && min != max;
        let values = if is_opaque { Vec::new() } else { vec![(min, count)] };
        Cell { count, sum, min, max, values, is_opaque }
    }

    /// Adds another cell's samples.
    pub fn merge(&mut self, other: &Cell) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.is_opaque |= other.is_opaque;
        self.values.extend_from_slice(&other.values);
        self.settle();
    }

    /// Puts values in order, joins what is the same, and keeps few enough.
    fn settle(&mut self) {
        self.values.sort_by(|a, b| a.0.total_cmp(&b.0));
        join(&mut self.values, |a, b| a == b);
        let mut range = RANGE;
        while self.values.len() > VALUES_MAX {
            let width = range.ln();
            let place = |value: f64| match value {
                0.0 => (0, 0),
                _ => (value.signum() as i32, (value.abs().ln() / width).floor() as i64),
            };
            join(&mut self.values, |a, b| place(a) == place(b));
            range = range * range;
        }
    }

    /// The stored form.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.values.len() * VALUE_BYTES);
        out.extend_from_slice(&[FORM, u8::from(self.is_opaque)]);
        for number in [self.count, self.sum, self.min, self.max] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for (value, count) in &self.values {
            out.extend_from_slice(&value.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
        }
        out
    }

    /// From the stored form; nothing if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
        if head[0] != FORM || rest.len() % VALUE_BYTES != 0 {
            return None;
        }
        let number = |bytes: &[u8]| Some(f64::from_be_bytes(*bytes.first_chunk()?));
        let at = |index: usize| number(&head[2 + index * 8..]);
        let pair = |bytes: &[u8]| Some((number(bytes)?, number(&bytes[8..])?));
        Some(Cell {
            count: at(0)?,
            sum: at(1)?,
            min: at(2)?,
            max: at(3)?,
            values: rest.chunks_exact(VALUE_BYTES).map(pair).collect::<Option<_>>()?,
            is_opaque: head[1] != 0,
        })
    }
}

/// Joins neighbours of which `same` says that they belong together, at their mean.
fn join(values: &mut Vec<(f64, f64)>, same: impl Fn(f64, f64) -> bool) {
    let mut joined: Vec<(f64, f64)> = Vec::with_capacity(values.len());
    let mut first = f64::NAN;
    for &(value, count) in values.iter() {
        match joined.last_mut() {
            Some(last) if same(first, value) => {
                let whole = last.1 + count;
                if last.0 != value {
                    last.0 += (value - last.0) * (count / whole);
                }
                last.1 = whole;
            }
            _ => {
                first = value;
                joined.push((value, count));
            }
        }
    }
    *values = joined;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back() {
        for cell in [
            Cell::empty(),
            Cell::of_values([(3.0, 1.0), (-1.5, 2.0), (3.0, 4.0)]),
            Cell::of_sums(10.0, 55.0, 1.0, 10.0),
        ] {
            assert_eq!(Cell::decode(&cell.encode()), Some(cell));
        }
        for damaged in [&b""[..], b"\x01\0", &[2; HEAD_BYTES], &[1; HEAD_BYTES + 3]] {
            assert_eq!(Cell::decode(damaged), None, "{damaged:?}");
        }
    }

    #[test]
    fn merging_is_like_putting_all_at_once() {
        let mut merged = Cell::of_values([(1.0, 1.0), (5.0, 2.0)]);
        merged.merge(&Cell::of_values([(5.0, 1.0), (2.0, 1.0)]));
        let whole = Cell::of_values([(1.0, 1.0), (2.0, 1.0), (5.0, 3.0)]);
        assert_eq!(merged, whole);
        let mut same = whole.clone();
        same.merge(&Cell::empty());
        assert_eq!(same, whole);
    }

    #[test]
    fn many_values_are_gathered_within_bounds() {
        let values = (0..100_000).map(|n| (f64::from(n - 1000) * 1.7, 1.0));
        let cell = Cell::of_values(values);
        assert!(cell.values.len() <= VALUES_MAX, "{}", cell.values.len());
        let count: f64 = cell.values.iter().map(|(_, count)| count).sum();
        assert!((count - 100_000.0).abs() < 1e-6);
        assert!(cell.values.is_sorted_by(|a, b| a.0 < b.0));
    }
}
