//! Between tables and S3: exports, imports and bulk operations.
//!
//! All are jobs that commit how far they are with every step, so they go on after a crash where
//! they were. What they do in S3 they do in the name of whoever asked for it.

pub(crate) mod bucket;
pub(crate) mod bulk;
pub(crate) mod caller;
pub(crate) mod export;
mod files;
pub(crate) mod import;
pub(crate) mod page;

use api_dynamodb::{Error, LimitExceededException};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::digest::{Algorithm, Digests};
use kernel::{Arn, BoxFuture, Ctx, Fault, Kernel, StoreError, TaskHandler};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use store::{Key, ReadTx, Scan, Table, Timer, WriteTx};

use bucket::{Bucket, Encryption, Problem};

use crate::invalid::Invalid;

/// By account, region, kind and the client's token: what was begun with it.
const TOKENS: Table<Token> = Table::new("dynamodb/transfer-token");
/// How long a token counts.
const TOKEN_MS: i64 = 8 * 60 * 60 * 1000;
/// How long it is known what became of a transfer.
const RECORD_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// The kind of the timers that forget.
pub(crate) const KIND: &str = "dynamodb/transfer-expiry";

/// What is transferred which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Direction {
    Export,
    Import,
    /// StartBulkPutItems.
    Bulk,
}

impl Direction {
    /// As in an ARN.
    fn word(self) -> &'static str {
        match self {
            Direction::Export => "export",
            Direction::Import => "import",
            Direction::Bulk => "bulk-operation",
        }
    }
}

/// Which transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct TransferId {
    pub direction: Direction,
    pub account: String,
    pub region: String,
    pub table_name: String,
    /// `01693685827463-2d8752fd`: milliseconds since 1970 and something random.
    pub id: String,
}

impl TransferId {
    /// A new one.
    pub fn new(ctx: &Ctx, direction: Direction, table_name: &str) -> TransferId {
        TransferId {
            direction,
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            table_name: table_name.to_owned(),
            id: format!("{:014}-{}", ctx.now().epoch_ms, ctx.random().hex(4)),
        }
    }

    /// Where its record lies.
    pub fn key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.table_name, &*self.id))
    }

    /// The ARN of the table.
    pub fn table_arn(&self) -> String {
        let TransferId { account, region, table_name, .. } = self;
        format!("arn:aws:dynamodb:{region}:{account}:table/{table_name}")
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("{}/{}/{}", self.table_arn(), self.direction.word(), self.id)
    }

    /// Reads an ARN.
    ///
    /// # Errors
    /// In DynamoDB's words; they differ by what is wrong.
    pub fn parse(ctx: &Ctx, direction: Direction, given: &str) -> Result<TransferId, Error> {
        let name = match direction {
            Direction::Export => "Export",
            Direction::Import => "Import",
            Direction::Bulk => "Bulk Operation",
        };
        let not_one = || Error::from(Invalid(format!("Invalid Request: Invalid {name} ARN")));
        let arn = Arn::parse(given).map_err(|_| not_one())?;
        let is_ours = arn.partition == "aws" && arn.service == "dynamodb";
        if !is_ours || arn.account != ctx.account() || arn.region != ctx.region() {
            return Err(Fault::sender("AccessDeniedException", "Access is denied").into());
        }
        let rest = arn.resource.strip_prefix("table/").ok_or_else(not_one)?;
        let between = format!("/{}/", direction.word());
        let (table_name, id) = rest.split_once(&between).ok_or_else(not_one)?;
        Ok(TransferId {
            direction,
            account: arn.account,
            region: arn.region,
            table_name: table_name.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// What was begun with a client's token.
#[derive(Serialize, Deserialize)]
struct Token {
    transfer: TransferId,
    /// Of the request.
    fingerprint: [u8; 32],
    until_ms: i64,
}

/// Another request had this token.
pub(crate) struct Mismatch;

impl Mismatch {
    pub const MESSAGE: &str = "Duplicate request detected: the client token was used before with \
                               other parameters";
}

/// What distinguishes a request from others with its token; `text` must tell all of it.
pub(crate) fn fingerprint(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The transfer that was begun before with the same token and request; if there is none, the token
/// is `transfer`'s from now on.
pub(crate) fn claim(
    tx: &mut WriteTx,
    transfer: &TransferId,
    token: &str,
    fingerprint: [u8; 32],
    now_ms: i64,
) -> Result<Result<Option<TransferId>, Mismatch>, StoreError> {
    let TransferId { direction, account, region, .. } = transfer;
    let key = Key::of((&**account, &**region, direction.word(), token));
    if let Some(known) = tx.get(&TOKENS, &key)?.filter(|known| known.until_ms > now_ms) {
        let same = known.fingerprint == fingerprint;
        return Ok(if same { Ok(Some(known.transfer)) } else { Err(Mismatch) });
    }
    let until_ms = now_ms + TOKEN_MS;
    tx.put(&TOKENS, &key, &Token { transfer: transfer.clone(), fingerprint, until_ms })?;
    let expires = Expires::Token(key.as_bytes().to_vec());
    tx.schedule(until_ms.unsigned_abs(), KIND, &expires)?;
    Ok(Ok(None))
}

/// Schedules that the record of a transfer goes one day.
pub(crate) fn keep(tx: &mut WriteTx, id: &TransferId, now_ms: i64) -> Result<(), StoreError> {
    let at_ms = (now_ms + RECORD_MS).unsigned_abs();
    tx.schedule(at_ms, KIND, &Expires::Record(id.clone())).map(drop)
}

/// Refuses more transfers than an account may have at the same time.
pub(crate) fn check_limit<T: Serialize + DeserializeOwned>(
    ctx: &Ctx,
    tx: &ReadTx,
    (table, most): (&Table<T>, usize),
    direction: Direction,
    is_running: impl Fn(&T) -> bool,
) -> Result<(), Error> {
    let all = tx.scan(table, Scan::prefix(Key::of((ctx.account(), ctx.region()))))?;
    if all.iter().filter(|(_, record)| is_running(record)).count() < most {
        return Ok(());
    }
    let message = Some(format!(
        "Subscriber limit exceeded: Only {most} {} operations can be done simultaneously",
        direction.word().trim_end_matches("-operation")
    ));
    Err(LimitExceededException { message }.into())
}

/// Writes the two manifests of a folder, the list of its files and the summary, each behind its sum.
pub(crate) async fn put_manifests(
    ctx: &Ctx,
    bucket: &Bucket,
    encryption: &Encryption,
    folder: &str,
    [files, summary]: [String; 2],
) -> Result<(), Problem> {
    for (name, text) in [("manifest-files", files), ("manifest-summary", summary)] {
        let sum = md5(text.as_bytes());
        for (ending, text) in [("md5", sum), ("json", text)] {
            let key = format!("{folder}/{name}.{ending}");
            bucket.put(ctx, encryption, &key, text.into()).await?;
        }
    }
    Ok(())
}

/// In base64.
fn md5(bytes: &[u8]) -> String {
    let mut digests = Digests::new([Algorithm::Md5]);
    digests.update(bytes);
    STANDARD.encode(digests.finish().remove(0).1)
}

/// What a timer forgets.
#[derive(Serialize, Deserialize)]
enum Expires {
    /// The key of a token.
    Token(Vec<u8>),
    Record(TransferId),
}

/// Receives these timers.
pub(crate) struct Expiry;

impl TaskHandler for Expiry {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let expires: Expires = timer.payload().map_err(Fault::internal)?;
            let now_ms = kernel.clock().now().epoch_ms;
            let forget = |tx: &mut WriteTx| -> Result<(), StoreError> {
                match &expires {
                    Expires::Token(key) => {
                        let key = Key::from_bytes(key.clone());
                        let known = tx.get(&TOKENS, &key)?;
                        match known.filter(|known| known.until_ms <= now_ms) {
                            Some(_) => tx.delete(&TOKENS, &key),
                            None => Ok(()),
                        }
                    }
                    Expires::Record(id) => match id.direction {
                        Direction::Export => tx.delete(&export::EXPORTS, id.key()),
                        Direction::Import => tx.delete(&import::IMPORTS, id.key()),
                        Direction::Bulk => tx.delete(&bulk::BULKS, bulk::key(id)),
                    },
                }
            };
            kernel.store().write(forget).await.map_err(Fault::internal)
        })
    }
}
