//! The stored form of what was sent: plain, sealed with the installation's key, or with a data key
//! of KMS (`kms.rs`).

use kernel::{BoxFuture, Ctx, Fault, Kernel, Reseal, ResealProgress, Sealer, reseal_rows};
use store::{ReadTx, StoreError};

use crate::content::Content;
use crate::kms::{self, DataKey, Opened};
use crate::record::BODIES;

const PURPOSE: &str = "sqs/body";
/// First byte of what is not sealed.
const PLAIN: u8 = 0;
/// First byte of what is.
const SEALED: u8 = 1;

/// The row of a message.
pub(crate) fn to_row(sealer: &Sealer, content: &Content, sealed: bool) -> Result<Vec<u8>, Fault> {
    let plain = serde_json::to_vec(content).map_err(Fault::internal)?;
    Ok(match sealed {
        true => [&[SEALED][..], &sealer.seal(PURPOSE, &plain)].concat(),
        false => [&[PLAIN][..], &plain].concat(),
    })
}

/// The row of a message under a data key.
pub(crate) fn under(ctx: &Ctx, content: &Content, key: &DataKey) -> Result<Vec<u8>, Fault> {
    let plain = serde_json::to_vec(content).map_err(Fault::internal)?;
    Ok([&[kms::MARK][..], &key.seal(ctx, &plain)?].concat())
}

/// Reads a row; nothing when the message is gone.
pub(crate) fn read(
    tx: &ReadTx,
    sealer: &Sealer,
    keys: &Opened,
    rows: u64,
    sequence: u64,
) -> Result<Option<Content>, StoreError> {
    let Some(row) = tx.get_raw(&BODIES, (rows, sequence))? else { return Ok(None) };
    let damaged = |detail: String| StoreError::Corrupt {
        table: "sqs/body".into(),
        key: format!("{rows}, {sequence}"),
        detail,
    };
    let content = match row.split_first() {
        Some((&PLAIN, plain)) => serde_json::from_slice(plain),
        Some((&SEALED, sealed)) => {
            let plain = sealer.open_sealed(PURPOSE, sealed);
            serde_json::from_slice(&plain.map_err(|error| damaged(error.to_string()))?)
        }
        Some((&kms::MARK, sealed)) => {
            let plain = keys.open(sealed).ok_or_else(|| damaged("not of its data key".into()))?;
            serde_json::from_slice(&plain)
        }
        _ => return Err(damaged("neither plain nor sealed".into())),
    };
    // The error's text may quote the message.
    content.map(Some).map_err(|error| damaged(format!("{:?}", error.classify())))
}

/// Seals messages again after a rotation of the installation key.
pub(crate) struct Messages;

impl Reseal for Messages {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_rows(kernel, &BODIES, progress, |sealer, _, row| {
            let Some((&SEALED, sealed)) = row.split_first() else { return Ok(None) };
            let new = sealer.resealed(PURPOSE, sealed)?;
            Ok(new.map(|new| [&[SEALED][..], &new].concat()))
        }))
    }
}

/// Bytes as base64 within JSON.
pub(crate) mod base64_bytes {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
