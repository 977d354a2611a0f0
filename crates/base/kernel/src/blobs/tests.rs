//! Blobs from the first byte to the last reference.

use std::path::PathBuf;

use bytes::Bytes;
use store::{Store, StoreError};

use super::*;
use crate::SeededRandom;
use crate::digest::Algorithm;

const SECRET: BlobSecret = [3; 32];

fn data(size: usize) -> Vec<u8> {
    (0..size as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("gureum-blobs-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        Folder(folder)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for folder in std::fs::read_dir(self.0.join("objects")).unwrap() {
            let inner = std::fs::read_dir(folder.unwrap().path()).unwrap();
            files.extend(inner.map(|file| file.unwrap().path()));
        }
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn write(blobs: &Blobs, store: &Store, bytes: &[u8], step: usize) -> Blob {
    let written = written(blobs, bytes, step).await;
    written.commit(store, |_, blob| Ok::<_, StoreError>(blob.clone())).await.unwrap()
}

async fn written(blobs: &Blobs, bytes: &[u8], step: usize) -> Written {
    let random = SeededRandom::new(bytes.len() as u64);
    let mut writer = blobs.writer(&random, &SECRET, [Algorithm::Sha256]);
    for piece in bytes.chunks(step) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn read(
    blobs: &Blobs,
    store: &Store,
    blob: &Blob,
    range: std::ops::Range<u64>,
) -> Result<Bytes, String> {
    let parts = vec![Part { blob: blob.clone(), range }];
    let prepared = blobs.prepare(&store.snapshot(), parts).map_err(|e| e.to_string())?;
    let stream = prepared.open(&SECRET).await.map_err(|e| e.to_string())?;
    stream.collect(usize::MAX).await.map_err(|fault| format!("{fault:?}"))
}

#[tokio::test]
async fn any_range_of_any_size_comes_back() {
    let folder = Folder::new("ranges");
    let store = Store::memory();
    for blobs in [Blobs::memory(), Blobs::open(&folder.0).unwrap()] {
        for size in [0, 1, 65_536, 65_537, 131_072, 131_073, 524_288, 524_289, 1_500_000] {
            let bytes = data(size);
            let blob = write(&blobs, &store, &bytes, 50_001).await;
            assert_eq!((blob.size, blob.small), (size as u64, size <= SMALL_BYTES), "{size}");
            for (from, to) in [(0, size), (0, size / 2), (size / 3, size), (size / 2, size / 2 + 1)]
            {
                let to = to.min(size);
                let read = read(&blobs, &store, &blob, from as u64..to as u64).await;
                assert!(read.unwrap() == bytes[from..to], "{size}: {from}..{to}");
            }
        }
        let scrubbed = blobs.scrub(&store).unwrap();
        assert_eq!((scrubbed.problem_count, scrubbed.orphans), (0, 0));
        store.clear().await.unwrap();
        blobs.sweep(&store).unwrap();
    }
    assert_eq!(folder.files(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn several_blobs_are_one_stream() {
    let (blobs, store) = (Blobs::memory(), Store::memory());
    let (first, second) = (data(200_000), data(10));
    let parts = vec![
        Part { blob: write(&blobs, &store, &first, 9999).await, range: 199_000..200_000 },
        Part { blob: write(&blobs, &store, &second, 3).await, range: 0..10 },
        Part { blob: write(&blobs, &store, &data(300_000), 9999).await, range: 5..300_000 },
    ];
    let prepared = blobs.prepare(&store.snapshot(), parts).unwrap();
    let stream = prepared.open(&SECRET).await.unwrap();
    assert_eq!(stream.length(), Some(1000 + 10 + 299_995));
    let all = stream.collect(usize::MAX).await.unwrap();
    assert_eq!(all, [&first[199_000..], &second[..], &data(300_000)[5..]].concat());
}

#[tokio::test]
async fn digests_are_of_the_plain_bytes() {
    use sha2::Digest as _;
    for size in [10, 700_000] {
        let written = written(&Blobs::memory(), &data(size), 4096).await;
        let expected = sha2::Sha256::digest(data(size)).to_vec();
        assert_eq!(written.digest(Algorithm::Sha256), expected);
    }
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_found() {
    let folder = Folder::new("damage");
    let (blobs, store) = (Blobs::open(&folder.0).unwrap(), Store::memory());
    let blob = write(&blobs, &store, &data(300_000), 4096).await;
    let path = folder.files().remove(0);
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 131_071, 131_072, 131_096, 262_192, whole.len() - 9] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).unwrap();
        let error = read(&blobs, &store, &blob, 0..300_000).await.unwrap_err();
        assert!(error.contains("is damaged"), "byte {at}: {error}");
        assert_eq!(blobs.scrub(&store).unwrap().problem_count, 1, "byte {at}");
    }
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(read(&blobs, &store, &blob, 0..10).await.is_err());
    std::fs::remove_file(&path).unwrap();
    let error = read(&blobs, &store, &blob, 0..10).await.unwrap_err();
    assert!(error.ends_with("does not exist"), "{error}");
    assert_eq!(blobs.scrub(&store).unwrap().problem_count, 1);
}

#[tokio::test]
async fn what_was_never_committed_is_gone() {
    let folder = Folder::new("refused");
    let (blobs, store) = (Blobs::open(&folder.0).unwrap(), Store::memory());
    let random = SeededRandom::new(1);
    let mut writer = blobs.writer(&random, &SECRET, []);
    writer.write(&data(2_000_000)).await.unwrap();
    drop(writer);
    let refused = written(&blobs, &data(100_000), 4096).await;
    let answer: Result<(), StoreError> =
        refused.commit(&store, |_, _| Err(StoreError::Closed)).await;
    assert!(answer.is_err());
    let forgotten = written(&blobs, &data(100_001), 4096).await;
    // What is being written is no orphan.
    assert_eq!(blobs.sweep(&store).unwrap().orphans, 0);
    drop(forgotten);
    while !folder.files().is_empty() {
        tokio::task::yield_now().await;
    }
    // A crash: a file, and nobody who knows of it.
    let orphan = folder.0.join("objects/ab/cdef0123456789abcdef0123456789");
    std::fs::write(&orphan, "x").unwrap();
    let kept = write(&blobs, &store, &data(100_002), 4096).await;
    assert_eq!(blobs.scrub(&store).unwrap().orphans, 1);
    assert_eq!(blobs.sweep(&store).unwrap(), Swept { kept: 1, orphans: 1 });
    assert!(read(&blobs, &store, &kept, 0..1).await.is_ok());
}

#[tokio::test]
async fn the_last_reference_deletes() {
    let folder = Folder::new("references");
    let kernel = crate::Kernel::new(crate::Config {
        blobs: Blobs::open(&folder.0).unwrap(),
        ..crate::Config::memory()
    });
    let (blobs, store) = (kernel.blobs().clone(), kernel.store().clone());
    for size in [100, 100_000] {
        let blob = write(&blobs, &store, &data(size), 4096).await;
        store.write(|tx| blobs.share(tx, &blob)).await.unwrap();
        store.write(|tx| blobs.release(tx, &blob)).await.unwrap();
        assert_eq!(store.read(|tx| blobs.references(tx, &blob)).unwrap(), Some(1));
        assert!(read(&blobs, &store, &blob, 0..size as u64).await.is_ok());
        store.write(|tx| blobs.release(tx, &blob)).await.unwrap();
        assert_eq!(store.read(|tx| blobs.references(tx, &blob)).unwrap(), None);
    }
    kernel.start(Vec::new());
    while !folder.files().is_empty() {
        kernel.clock().sleep(std::time::Duration::from_millis(5)).await;
    }
    assert!(kernel.stop(std::time::Duration::from_secs(10)).await);
}
