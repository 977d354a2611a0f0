//! Streams as they are stored.

use kernel::{Arn, Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, ReadTx, Scan, Table};

use super::position::Position;
use crate::table::StreamView;

/// Streams by account, region, table and label: those in use, and for a day those that were.
pub(crate) const STREAMS: Table<StreamRecord> = Table::new("dynamodb/stream");

/// A stream.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StreamRecord {
    /// What the keys of its records and shards begin with.
    pub number: u64,
    pub view: StreamView,
    /// The table's key attributes, the partition key first.
    pub keys: Vec<String>,
    pub created_ms: i64,
    /// When it was disabled, or its table deleted.
    pub disabled_ms: Option<i64>,
    /// The last record that is gone because of its age.
    pub trimmed: Option<Position>,
}

/// What names a stream of an account in a region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct StreamName {
    pub table: String,
    pub label: String,
}

impl StreamName {
    /// Where it lies in [`STREAMS`].
    pub fn key(&self, ctx: &Ctx) -> Key {
        Key::of((ctx.account(), ctx.region(), self.table.as_str(), self.label.as_str()))
    }

    /// The ARN.
    pub fn arn(&self, ctx: &Ctx) -> String {
        let resource = format!("table/{}/stream/{}", self.table, self.label);
        ctx.arn("dynamodb", resource).to_string()
    }

    /// The stream of an ARN: whose and where it is, and its name. Nothing if that is no ARN of
    /// a stream.
    pub fn parse(arn: &str) -> Option<(Arn, StreamName)> {
        let parsed = Arn::parse(arn).ok().filter(|arn| arn.service == "dynamodb")?;
        let (table, label) = parsed.resource.strip_prefix("table/")?.split_once("/stream/")?;
        if table.is_empty() || label.is_empty() || label.contains('/') {
            return None;
        }
        let name = StreamName { table: table.to_owned(), label: label.to_owned() };
        Some((parsed, name))
    }

    /// The stream of that name.
    pub fn find(&self, ctx: &Ctx, tx: &ReadTx) -> Result<Option<StreamRecord>, StoreError> {
        tx.get(&STREAMS, self.key(ctx))
    }
}

/// Whether a table (account, region, name) has streams other than the one with that number, or had
/// until a day ago.
pub(crate) fn any_but(
    tx: &ReadTx,
    table: (&str, &str, &str),
    number: Option<u64>,
) -> Result<bool, StoreError> {
    let found = tx.scan(&STREAMS, Scan::prefix(table))?;
    Ok(found.iter().any(|(_, stream)| Some(stream.number) != number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_streams_are_told_from_others() {
        let arn =
            "arn:aws:dynamodb:us-east-1:111122223333:table/T.x/stream/2026-11-22T10:00:00.123";
        let (parsed, name) = StreamName::parse(arn).unwrap();
        assert_eq!(
            (parsed.region.as_str(), parsed.account.as_str()),
            ("us-east-1", "111122223333")
        );
        assert_eq!((name.table.as_str(), name.label.as_str()), ("T.x", "2026-11-22T10:00:00.123"));
        for other in [
            "nonsense",
            "arn:aws:dynamodb:us-east-1:111122223333:table/T",
            "arn:aws:dynamodb:us-east-1:111122223333:table/T/stream/",
            "arn:aws:dynamodb:us-east-1:111122223333:table//stream/x",
            "arn:aws:dynamodb:us-east-1:111122223333:table/T/stream/x/y",
            "arn:aws:kinesis:us-east-1:111122223333:table/T/stream/x",
        ] {
            assert_eq!(StreamName::parse(other), None, "{other}");
        }
    }
}
