//! What names a metric: namespace, name and dimensions, in an account and region.

use api_cloudwatch::Dimension;
use kernel::Ctx;
use sha2::{Digest, Sha256};
use store::Key;

/// Bytes of a metric's short form.
pub(crate) const ID_BYTES: usize = 16;

/// A metric of the caller's account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MetricName {
    pub namespace: String,
    pub name: String,
    /// In the order of their names.
    pub dimensions: Vec<(String, String)>,
}

impl MetricName {
    /// Dimensions may come in any order.
    pub fn new(namespace: &str, name: &str, dimensions: &[Dimension]) -> Self {
        let pair = |dimension: &Dimension| (dimension.name.clone(), dimension.value.clone());
        let mut dimensions: Vec<_> = dimensions.iter().map(pair).collect();
        dimensions.sort();
        MetricName { namespace: namespace.to_owned(), name: name.to_owned(), dimensions }
    }

    /// Its short form, in the keys of its cells: dimensions may be longer than a key.
    pub fn id(&self, ctx: &Ctx) -> [u8; ID_BYTES] {
        let mut key = Key::of((ctx.account(), ctx.region(), &self.namespace, &self.name));
        for (name, value) in &self.dimensions {
            key = key.text(name).text(value);
        }
        let digest = Sha256::digest(key.as_bytes());
        *digest.first_chunk().expect("32 bytes begin with 16")
    }

    /// Its place among the metrics of all accounts.
    pub fn key(&self, ctx: &Ctx, id: &[u8; ID_BYTES]) -> Key {
        Key::of((ctx.account(), ctx.region(), &self.namespace, &self.name, id))
    }

    /// Its dimensions as the API has them.
    pub fn dimensions(&self) -> Vec<Dimension> {
        let dimension = |(name, value): &(String, String)| Dimension {
            name: name.clone(),
            value: value.clone(),
        };
        self.dimensions.iter().map(dimension).collect()
    }
}
