//! How far two vectors are apart.

use serde::{Deserialize, Serialize};

/// DistanceFunction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Distance {
    /// One minus the cosine of the angle: 0 for the same direction, 2 for the opposite.
    Cosine,
    /// The length of the difference.
    Euclidean,
    /// The sum of the products: the greater, the more alike.
    DotProduct,
}

impl Distance {
    /// The score of two vectors of one length.
    ///
    /// Sums are of 64-bit products of 32-bit numbers, so they neither overflow nor lose what
    /// tells near neighbours apart. A vector of zeros has no direction: it is at 1, as if at a
    /// right angle to everything.
    pub fn score(self, a: &[f32], b: impl Iterator<Item = f32>) -> f64 {
        let pairs = a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(b)));
        match self {
            Distance::DotProduct => pairs.map(|(a, b)| a * b).sum(),
            Distance::Euclidean => pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt(),
            Distance::Cosine => {
                let (dot, aa, bb) = pairs.fold((0.0, 0.0, 0.0), |(dot, aa, bb), (a, b)| {
                    (dot + a * b, aa + a * a, bb + b * b)
                });
                let lengths = f64::sqrt(aa) * f64::sqrt(bb);
                if lengths > 0.0 { (1.0 - dot / lengths).clamp(0.0, 2.0) } else { 1.0 }
            }
        }
    }

    /// What sorts scores with the most alike first.
    pub fn rank(self, score: f64) -> f64 {
        if self == Distance::DotProduct { -score } else { score }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_as_documented() {
        let check = |distance: Distance, a: &[f32], b: &[f32], expected: f64| {
            let score = distance.score(a, b.iter().copied());
            assert!((score - expected).abs() < 1e-9, "{distance:?} {a:?} {b:?}: {score}");
        };
        check(Distance::Cosine, &[1.0, 0.0], &[5.0, 0.0], 0.0);
        check(Distance::Cosine, &[1.0, 0.0], &[0.0, 2.0], 1.0);
        check(Distance::Cosine, &[1.0, 0.0], &[-3.0, 0.0], 2.0);
        check(Distance::Cosine, &[0.0, 0.0], &[-3.0, 0.0], 1.0);
        check(Distance::Euclidean, &[0.0, 3.0], &[4.0, 0.0], 5.0);
        check(Distance::DotProduct, &[1.0, 2.0, 3.0], &[4.0, -5.0, 6.0], 12.0);
        let huge = f32::MAX;
        assert!(Distance::Euclidean.score(&[huge], [-huge].into_iter()).is_finite());
        assert!(Distance::DotProduct.rank(3.0) < Distance::DotProduct.rank(2.0));
    }
}
