//! Backups as they are stored.
//!
//! A backup is the items of a table at one moment and what the table was like then. It depends on
//! nothing of the table afterwards. A backup that somebody asks for is a copy, made in the
//! background from one snapshot ([`copy`]); the one that the deletion of a table with
//! point-in-time recovery leaves behind simply keeps the items, which nobody else can see then.

pub(crate) mod copy;
pub(crate) mod describe;
pub(crate) mod system;

use api_dynamodb::{BackupInUseException, BackupNotFoundException, Error};
use kernel::{Arn, Ctx, Fault, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, RawTable, ReadTx, Table, TimerId, WriteTx};

use crate::invalid::Invalid;
use crate::jobs;
use crate::regions;
use crate::rows::{Rows, Sweep};
use crate::table::TableRecord;

/// Backups by account, region, name of the table and identifier, which begins with the time.
pub(crate) const BACKUPS: Table<BackupRecord> = Table::new("dynamodb/backup");
/// The items of backups that are copies, by number and place.
pub(crate) const COPIES: RawTable = RawTable::new("dynamodb/backup-item");

/// A backup.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct BackupRecord {
    pub name: String,
    pub table_name: String,
    /// The table as it was.
    pub table: TableRecord,
    pub created_ms: i64,
    /// When it goes by itself; only those of the system do.
    pub expires_ms: Option<i64>,
    pub state: BackupState,
    pub kind: BackupKind,
    /// Where the items are, and under which number.
    pub rows: Rows,
    pub number: u64,
    pub items: u64,
    pub bytes: u64,
    /// By what number the data key is known that rows of a copy are sealed with: a table may have
    /// got it after the backup was asked for.
    #[serde(default)]
    pub data_key: Option<u64>,
}

/// How far a backup is.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BackupState {
    Creating,
    Available,
}

/// Who wanted a backup.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BackupKind {
    User,
    System,
}

/// Which backup.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackupId {
    pub account: String,
    pub region: String,
    pub table_name: String,
    /// `01489602797149-73d8d5bc`: milliseconds since 1970 and something random.
    pub id: String,
}

impl BackupId {
    /// Where its record lies.
    pub fn key(&self) -> Key {
        Key::of((&*self.account, &*self.region, &*self.table_name, &*self.id))
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        let BackupId { account, region, table_name, id } = self;
        format!("arn:aws:dynamodb:{region}:{account}:table/{table_name}/backup/{id}")
    }

    /// Reads an ARN, which may be of another region.
    ///
    /// # Errors
    /// In DynamoDB's words; they differ by what is wrong.
    pub fn parse(ctx: &Ctx, given: &str) -> Result<BackupId, Error> {
        let not_one = || Error::from(Invalid::new("Invalid Request: Invalid Backup ARN"));
        let arn = Arn::parse(given).map_err(|_| not_one())?;
        let rest = arn.resource.strip_prefix("table/").ok_or_else(not_one)?;
        let (table_name, id) = rest.split_once("/backup/").ok_or_else(not_one)?;
        if arn.account != ctx.account() || arn.region.is_empty() {
            return Err(Fault::sender("AccessDeniedException", "Access is denied").into());
        }
        let is_ours = arn.partition == "aws" && arn.service == "dynamodb";
        if !is_ours || !(regions::is_known(&arn.region) || arn.region == ctx.region()) {
            return Err(Invalid::new("Invalid Request: BackupArn is not valid").into());
        }
        Ok(BackupId {
            account: arn.account,
            region: arn.region,
            table_name: table_name.to_owned(),
            id: id.to_owned(),
        })
    }

    /// Reads an ARN whose region does not matter: it is looked for here, as AWS does.
    pub fn parse_here(ctx: &Ctx, given: &str) -> Result<BackupId, Error> {
        let id = BackupId::parse(ctx, given)?;
        Ok(BackupId { region: ctx.region().to_owned(), ..id })
    }

    /// The backup.
    ///
    /// # Errors
    /// If there is none; it is named as in the request.
    pub fn get(&self, tx: &ReadTx, given: &str) -> Result<BackupRecord, Error> {
        tx.get(&BACKUPS, self.key())?.ok_or_else(|| {
            let message = Some(format!("Backup not found: {given}"));
            BackupNotFoundException { message }.into()
        })
    }
}

impl BackupRecord {
    /// Deletes a backup; the items go in the background. The caller starts the job.
    pub fn delete(
        &self,
        tx: &mut WriteTx,
        id: &BackupId,
        now_ms: i64,
    ) -> Result<(Sweep, TimerId), StoreError> {
        tx.delete(&BACKUPS, id.key())?;
        let sweep = Sweep { rows: self.rows, number: self.number, held_as: self.number };
        let watch = jobs::watch(tx, now_ms, &sweep)?;
        Ok((sweep, watch))
    }
}

/// A backup that cannot be deleted or used now.
pub(crate) fn in_use(message: String) -> Error {
    BackupInUseException { message: Some(message) }.into()
}
