//! Request tokens, by which a transaction that is sent again happens once.
//!
//! A token is stored in the commit of its transaction and counts for ten minutes. Tokens lie by
//! the ten-minute span they were stored in, so that those of a span can be looked up at once and
//! are deleted together when it has passed.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use api_dynamodb::{Error, IdempotentParameterMismatchException, TransactionInProgressException};
use kernel::{BoxFuture, Ctx, Fault, Kernel, TaskHandler};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{Key, RawTable, ReadTx, Scan, StoreError, Timer, WriteTx};

use crate::convert::{self, Attributes};
use crate::item::encode;
use crate::value::Item;
use crate::write::Action;

use super::TableWrite;

/// The task that deletes the tokens of a span.
pub(crate) const KIND: &str = "dynamodb/transaction-tokens";
/// How long a token counts, and how long a span is.
const WINDOW_MS: i64 = 10 * 60 * 1000;
/// Tokens by span, account, region and text: when it expires and the fingerprint.
const TOKENS: RawTable = RawTable::new("dynamodb/transaction-token");
/// Spans whose deletion is scheduled.
const SPANS: RawTable = RawTable::new("dynamodb/transaction-span");
/// Tokens deleted in one commit.
const BATCH: usize = 1000;

/// What distinguishes a request from others with its token.
pub(crate) type Fingerprint = [u8; 32];

/// The token of a request.
pub(crate) struct Token {
    pub text: String,
    pub fingerprint: Fingerprint,
}

/// Computes a [`Fingerprint`]. Equal values have the same one however they are written down.
#[derive(Default)]
pub(crate) struct Fingerprinter(Sha256);

impl Fingerprinter {
    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Adds a text, or that there is none.
    pub fn text(&mut self, text: Option<&str>) {
        self.0.update([u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    /// Adds where a write goes and what it stores; not its expressions, which are bound.
    pub fn write(&mut self, write: &TableWrite) {
        self.text(Some(&write.table));
        let (kind, key) = match &write.write.action {
            Action::Put { bytes, .. } => ("Put", bytes.to_vec()),
            Action::Update { key, .. } => ("Update", encode(key)),
            Action::Delete { key } => ("Delete", encode(key)),
            Action::Check { key } => ("ConditionCheck", encode(key)),
        };
        self.text(Some(kind));
        self.bytes(&key);
    }

    /// Adds values by name, which need not be valid: then the request is refused anyway.
    pub fn values(&mut self, values: Option<&Attributes>) {
        self.0.update([u8::from(values.is_some())]);
        for (name, value) in values.into_iter().flatten() {
            self.text(Some(name));
            if let Ok(value) = convert::value(value.clone()) {
                let mut item = Item::new();
                item.insert(String::new(), value);
                self.bytes(&encode(&item));
            }
        }
    }

    /// The fingerprint of all that was added.
    pub fn finish(self) -> Fingerprint {
        self.0.finalize().into()
    }
}

/// Requests that are being worked on, by account, region and token.
#[derive(Default)]
pub(crate) struct InProgress(Mutex<HashMap<Name, Fingerprint>>);

type Name = (String, String, String);

/// One of them; dropping it ends it.
pub(crate) struct Progress<'a> {
    all: &'a InProgress,
    name: Name,
}

impl InProgress {
    /// Begins work on a request with a token.
    ///
    /// # Errors
    /// If it is being worked on already.
    pub fn begin(&self, ctx: &Ctx, token: &Token) -> Result<Progress<'_>, Error> {
        let name = (ctx.account().to_owned(), ctx.region().to_owned(), token.text.clone());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(&name) {
            None => {
                all.insert(name.clone(), token.fingerprint);
                Ok(Progress { all: self, name })
            }
            Some(known) if *known == token.fingerprint => {
                let message = "Transaction from previous request is still in progress";
                Err(TransactionInProgressException { message: Some(message.into()) }.into())
            }
            Some(_) => Err(mismatch()),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn mismatch() -> Error {
    let message = "The client request token was used with different parameters \
                   within the last 10 minutes";
    IdempotentParameterMismatchException { message: Some(message.into()) }.into()
}

impl Token {
    fn key(&self, ctx: &Ctx, span: u64) -> Key {
        Key::of((span, ctx.account(), ctx.region(), self.text.as_str()))
    }

    /// Whether the request happened already.
    ///
    /// # Errors
    /// If another request had the token.
    pub fn is_done(&self, ctx: &Ctx, tx: &ReadTx, now_ms: i64) -> Result<bool, Error> {
        let now = span(now_ms);
        for span in [now, now.saturating_sub(1)] {
            let Some(record) = tx.get_raw(&TOKENS, self.key(ctx, span))? else { continue };
            let (expires_ms, fingerprint) = record.split_at_checked(8).unwrap_or_default();
            let expires_ms = expires_ms.try_into().map_or(0, i64::from_be_bytes);
            if now_ms < expires_ms {
                return if fingerprint == self.fingerprint { Ok(true) } else { Err(mismatch()) };
            }
        }
        Ok(false)
    }

    /// Notes that the request happens with this commit.
    pub fn store(&self, ctx: &Ctx, tx: &mut WriteTx, now_ms: i64) -> Result<(), StoreError> {
        let span = span(now_ms);
        let mut record = (now_ms + WINDOW_MS).to_be_bytes().to_vec();
        record.extend_from_slice(&self.fingerprint);
        tx.put_raw(&TOKENS, self.key(ctx, span), record)?;
        if !tx.contains(&SPANS, span)? {
            tx.put_raw(&SPANS, span, Vec::new())?;
            let end_ms = (span + 2) * WINDOW_MS as u64;
            tx.schedule(end_ms, KIND, &Payload { span })?;
        }
        Ok(())
    }
}

/// The number of the span that a time lies in.
fn span(now_ms: i64) -> u64 {
    u64::try_from(now_ms).unwrap_or_default() / WINDOW_MS as u64
}

/// Which tokens to delete.
#[derive(Serialize, Deserialize)]
struct Payload {
    span: u64,
}

/// Runs the task.
pub(crate) struct TokenSweeper;

impl TaskHandler for TokenSweeper {
    fn run<'a>(&'a self, kernel: &'a Kernel, timer: &'a Timer) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let Payload { span } = timer.payload().map_err(Fault::internal)?;
            let scan = Scan::prefix(span).limit(BATCH);
            while !kernel.is_stopping() {
                let mut keys = Vec::new();
                let found = kernel.store().read(|tx| {
                    tx.scan_raw(&TOKENS, &scan, &mut |key, _| {
                        keys.push(Key::from_bytes(key));
                        ControlFlow::Continue(())
                    })
                });
                found.map_err(Fault::internal)?;
                let is_last = keys.len() < BATCH;
                let deleted = kernel.store().write(|tx| -> Result<(), StoreError> {
                    if is_last {
                        tx.delete(&SPANS, span)?;
                    }
                    keys.iter().try_for_each(|key| tx.delete(&TOKENS, key))
                });
                deleted.await.map_err(Fault::internal)?;
                if is_last {
                    return Ok(());
                }
            }
            Err(Fault::internal("stopping: the rest is deleted after the next start"))
        })
    }
}
