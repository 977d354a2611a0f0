//! A cloud with nothing but DynamoDB in it, that can be restarted and killed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api_dynamodb::{
    AttributeDefinition, BillingMode, Client, CreateTableInput, DescribeTableInput,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, LocalSecondaryIndex, Projection,
    ProjectionType, ScalarAttributeType, TableStatus,
};
use kernel::{Clock, Config, Ctx, Kernel, ManualClock, Principal, Random};
use store::{Options, Store};

use crate::dice::Dice;
use crate::oracle::TABLES;

pub struct World {
    life: Option<Life>,
    clock: Arc<ManualClock>,
    /// Where the store is, if not in memory.
    dir: Option<TempDir>,
    lives: u64,
    seed: u64,
}

struct Life {
    kernel: Kernel,
    ctx: Ctx,
}

/// Randomness from a seed.
struct Seeded(Mutex<Dice>);

impl Random for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap();
        bytes.iter_mut().for_each(|byte| *byte = dice.next() as u8);
    }
}

impl World {
    /// A new one with empty tables.
    pub async fn new(seed: u64, on_disk: bool) -> World {
        let mut world = World {
            life: None,
            clock: Arc::new(ManualClock::at(1_700_000_000_000)),
            dir: on_disk.then(TempDir::new),
            lives: 0,
            seed,
        };
        let store = match &world.dir {
            Some(dir) => open(&dir.data()),
            None => Store::memory(),
        };
        world.live(store);
        world.create_tables().await;
        world
    }

    fn live(&mut self, store: Store) {
        self.lives += 1;
        let random = Seeded(Mutex::new(Dice::new(self.seed << 20 | self.lives)));
        let config = Config {
            store,
            clock: self.clock.clone(),
            random: Arc::new(random),
            ..Config::memory()
        };
        let kernel = Kernel::new(config);
        kernel.start(vec![service_dynamodb::service()]);
        let root = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "us-east-1", root, "request".into());
        self.life = Some(Life { kernel, ctx });
    }

    pub fn client(&self) -> Client {
        self.life.as_ref().expect("alive").ctx.client()
    }

    pub fn store(&self) -> &Store {
        self.life.as_ref().expect("alive").ctx.store()
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now().epoch_ms
    }

    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.clock.advance(duration);
    }

    /// Stops in good order and starts again.
    pub async fn restart(&mut self) {
        let Life { kernel, ctx } = self.life.take().expect("alive");
        let store = ctx.store().clone();
        assert!(kernel.stop(Duration::from_secs(1)).await);
        drop((kernel, ctx));
        let store = match &self.dir {
            None => store,
            Some(dir) => {
                store.close().unwrap();
                drop(store);
                open(&dir.data())
            }
        };
        self.live(store);
    }

    /// Dies as by SIGKILL: whatever was in memory is gone, and of the files that is left which is
    /// there now. A store in memory outlives the death.
    pub async fn crash(&mut self) {
        let Life { kernel, ctx } = self.life.take().expect("alive");
        let store = ctx.store().clone();
        let copied = self.dir.as_ref().map(|dir| {
            let copy = TempDir::new();
            copy_of_one_moment(&dir.data(), &copy.data());
            copy
        });
        assert!(kernel.stop(Duration::from_secs(1)).await);
        drop((kernel, ctx));
        match copied {
            None => self.live(store),
            Some(copy) => {
                drop(store);
                let store = open(&copy.data());
                self.dir = Some(copy);
                self.live(store);
            }
        }
    }

    async fn create_tables(&self) {
        let client = self.client();
        for (index, name) in TABLES.into_iter().enumerate() {
            client.create_table(definition(index, name)).await.unwrap();
            loop {
                let input = DescribeTableInput { table_name: name.to_owned() };
                let table = client.describe_table(input).await.unwrap().table.unwrap();
                if table.table_status == Some(TableStatus::Active) {
                    break;
                }
                self.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        }
    }

    pub async fn end(mut self) {
        let Life { kernel, ctx } = self.life.take().expect("alive");
        drop(ctx);
        assert!(kernel.stop(Duration::from_secs(1)).await);
    }
}

fn open(dir: &Path) -> Store {
    // Small, so that flushes happen.
    let options = Options { memtable_bytes: 256 * 1024, ..Options::default() };
    Store::open(dir, &options).unwrap()
}

fn definition(index: usize, name: &str) -> CreateTableInput {
    use ScalarAttributeType::{N, S};
    let attribute = |(name, attribute_type): (&str, ScalarAttributeType)| AttributeDefinition {
        attribute_name: name.to_owned(),
        attribute_type,
    };
    let sorted = index == 0;
    let attributes = match sorted {
        true => vec![("pk", S), ("sk", N), ("n", N), ("s", S)],
        false => vec![("pk", S)],
    };
    let all = Projection { projection_type: Some(ProjectionType::All), ..Default::default() };
    let local = LocalSecondaryIndex {
        index_name: "ByNumber".into(),
        key_schema: schema(&["pk", "n"]),
        projection: all.clone(),
    };
    let global = GlobalSecondaryIndex {
        index_name: "ByTag".into(),
        key_schema: schema(&["s", "n"]),
        projection: all,
        ..Default::default()
    };
    CreateTableInput {
        table_name: name.to_owned(),
        attribute_definitions: Some(attributes.into_iter().map(attribute).collect()),
        key_schema: Some(schema(if sorted { &["pk", "sk"] } else { &["pk"] })),
        local_secondary_indexes: sorted.then(|| vec![local]),
        global_secondary_indexes: sorted.then(|| vec![global]),
        billing_mode: Some(BillingMode::PayPerRequest),
        ..Default::default()
    }
}

fn schema(names: &[&str]) -> Vec<KeySchemaElement> {
    let kinds = [KeyType::Hash, KeyType::Range];
    let element = |(name, key_type): (&&str, KeyType)| KeySchemaElement {
        attribute_name: (*name).to_owned(),
        key_type,
    };
    names.iter().zip(kinds).map(element).collect()
}

/// A directory that goes when dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gureum-model-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The engine cannot be stopped without closing, so its files are copied while it is open: as often
/// as its background work changes them meanwhile, since a kill leaves the files of one moment.
fn copy_of_one_moment(from: &Path, to: &Path) {
    let mut before = facts(from);
    for attempt in 0.. {
        assert!(attempt < 1000, "the engine never rests");
        let copied = copy(from, to);
        let after = facts(from);
        if copied.is_ok() && before == after {
            return;
        }
        before = after;
        std::fs::remove_dir_all(to).unwrap();
    }
}

/// Every file's path, length and time of change; files that vanish meanwhile are left out.
fn facts(dir: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(facts(&path));
        } else if let Ok(meta) = path.metadata()
            && let Ok(modified) = meta.modified()
        {
            found.push((path, meta.len(), modified));
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else if target.extension().is_some_and(|ext| ext == "jnl") {
            copy_journal(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Without the zeros allocated ahead, which make 64 MiB.
fn copy_journal(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::io::{Read, Write};
    let (mut from, mut to) = (std::fs::File::open(from)?, std::fs::File::create(to)?);
    let mut block = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut block)?;
        if count == 0 || block[..count].iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        to.write_all(&block[..count])?;
    }
}
