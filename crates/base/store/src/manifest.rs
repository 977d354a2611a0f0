//! The engine's table lists, checked before the engine trusts them.
//!
//! Each keyspace folder has a file `current` that names its newest list `v<number>` and that list's
//! checksum. fjall's tree (lsm-tree 3.1) does not compare it, so one flipped bit in the number would
//! bring back an old list, and the tables missing from it would be deleted as orphans.

use std::io;
use std::path::Path;

use crate::StoreError;

/// Checks all keyspaces of an engine directory.
pub(crate) fn check(engine: &Path) -> Result<(), StoreError> {
    let folder = engine.join("keyspaces");
    let failed = |error| StoreError::io(format!("reading {}", folder.display()), error);
    if !folder.try_exists().map_err(failed)? {
        return Ok(());
    }
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let space = entry.map_err(failed)?.path();
        if let Some(problem) = check_space(&space).map_err(failed)? {
            let detail = format!("{}: {problem}", space.display());
            return Err(StoreError::Damaged { detail });
        }
    }
    Ok(())
}

fn check_space(space: &Path) -> io::Result<Option<&'static str>> {
    let current = match std::fs::read(space.join("current")) {
        Ok(current) => current,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // A crash while the keyspace was made; then it has no tables yet.
            let mut tables = match std::fs::read_dir(space.join("tables")) {
                Ok(tables) => tables,
                Err(_) => return Ok(None),
            };
            return Ok(tables.next().is_some().then_some("no list of tables, but tables"));
        }
        Err(error) => return Err(error),
    };
    // Number and checksum, little endian, and the kind of checksum.
    let Some((number, rest)) = current.split_first_chunk::<8>() else {
        return Ok(Some("the name of the table list is cut off"));
    };
    let Some((checksum, _)) = rest.split_first_chunk::<16>() else {
        return Ok(Some("the name of the table list is cut off"));
    };
    let list = space.join(format!("v{}", u64::from_le_bytes(*number)));
    match std::fs::read(list) {
        Ok(list) if xxhash_rust::xxh3::xxh3_128(&list).to_le_bytes() == *checksum => Ok(None),
        Ok(_) => Ok(Some("the table list has a wrong checksum")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some("the table list is missing"))
        }
        Err(error) => Err(error),
    }
}
