//! Where the bytes of a version are: which ranges of which blobs.

use std::ops::Range;

use api_s3::Error;
use kernel::Ctx;
use kernel::blobs::{Blob, Part};
use store::{ReadTx, WriteTx};

use crate::records::{Data, ObjectPart, PARTS, Version};

/// The parts of a version, in order. One that was uploaded at once has one, without a number of
/// its own.
pub(crate) fn parts(tx: &ReadTx, version: &Version) -> Result<Vec<ObjectPart>, Error> {
    match &version.data {
        Data::Nothing => Ok(Vec::new()),
        Data::One(blob) => Ok(vec![ObjectPart { number: 1, blob: blob.clone(), checksum: None }]),
        Data::Parts { id, .. } => {
            let parts = tx.get(&PARTS, id.as_str())?;
            let lost = || kernel::Fault::internal(format_args!("the parts {id} are missing"));
            Ok(parts.ok_or_else(lost)?)
        }
    }
}

/// The pieces of blobs that a range of a version is made of.
pub(crate) fn cut(parts: &[ObjectPart], range: &Range<u64>) -> Vec<Part> {
    let mut begins = 0;
    let mut pieces = Vec::new();
    for part in parts {
        let size = part.blob.size;
        let from = range.start.saturating_sub(begins).min(size);
        let to = range.end.saturating_sub(begins).min(size);
        if from < to {
            pieces.push(Part { blob: part.blob.clone(), range: from..to });
        }
        begins += size;
    }
    pieces
}

/// The range of one part, counted from 1.
pub(crate) fn of_part(parts: &[ObjectPart], number: usize) -> Option<Range<u64>> {
    let index = number.checked_sub(1).filter(|index| *index < parts.len())?;
    let begins = parts[..index].iter().map(|part| part.blob.size).sum();
    Some(begins..begins + parts[index].blob.size)
}

/// Nobody refers to this version any more: so neither does it to its bytes.
pub(crate) fn release(tx: &mut WriteTx, ctx: &Ctx, version: &Version) -> Result<(), Error> {
    for blob in blobs(tx, version)? {
        ctx.kernel().blobs().release(tx, &blob)?;
    }
    if let Data::Parts { id, .. } = &version.data {
        tx.delete(&PARTS, id.as_str())?;
    }
    Ok(())
}

/// Another version with the same bytes: what it is to refer to.
pub(crate) fn share(tx: &mut WriteTx, ctx: &Ctx, version: &Version) -> Result<Data, Error> {
    for blob in blobs(tx, version)? {
        ctx.kernel().blobs().share(tx, &blob)?;
    }
    match &version.data {
        Data::Parts { count, .. } => {
            let parts = parts(tx, version)?;
            let id = ctx.random().hex(16);
            tx.put(&PARTS, id.as_str(), &parts)?;
            Ok(Data::Parts { id, count: *count })
        }
        other => Ok(other.clone()),
    }
}

fn blobs(tx: &ReadTx, version: &Version) -> Result<Vec<Blob>, Error> {
    Ok(parts(tx, version)?.into_iter().map(|part| part.blob).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_over_parts() {
        let part = |id: &str, size| ObjectPart {
            number: 1,
            blob: Blob { id: id.into(), size, small: false },
            checksum: None,
        };
        let parts = [part("a", 10), part("b", 5), part("c", 10)];
        let check = |range: Range<u64>, expected: &str| {
            let pieces = cut(&parts, &range);
            let texts: Vec<String> =
                pieces.iter().map(|p| format!("{}{:?}", p.blob.id, p.range)).collect();
            assert_eq!(texts.join(" "), expected, "{range:?}");
        };
        check(0..25, "a0..10 b0..5 c0..10");
        check(0..10, "a0..10");
        check(9..11, "a9..10 b0..1");
        check(10..15, "b0..5");
        check(14..24, "b4..5 c0..9");
        check(3..3, "");
        assert_eq!(of_part(&parts, 2), Some(10..15));
        assert_eq!((of_part(&parts, 0), of_part(&parts, 4)), (None, None));
    }
}
