//! SSESpecification: what it asks for, and what becomes of it.

use api_dynamodb::{Error, SSESpecification, SSEType};
use kernel::{Ctx, StoreError};
use store::{TimerId, WriteTx};

use super::keys::{DATA_KEYS, DataKey, Wrapped, keep};
use super::{Seal, SseRecord, kms};
use crate::invalid::Invalid;
use crate::jobs;
use crate::table::TableRecord;

/// DynamoDB's own key of KMS in an account and region.
const MANAGED: &str = "alias/aws/dynamodb";

/// What a specification asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    Nothing,
    /// Not to be encrypted under a key of KMS.
    Off,
    /// To be encrypted under this key, or DynamoDB's own.
    Kms(Option<String>),
}

fn invalid(problem: &str) -> Invalid {
    Invalid(format!("One or more parameter values were invalid: {problem}"))
}

/// Reads a specification.
///
/// # Errors
/// In DynamoDB's words (seen at AWS in October 2026).
pub(crate) fn wanted(given: Option<&SSESpecification>) -> Result<Wanted, Invalid> {
    let Some(given) = given else { return Ok(Wanted::Nothing) };
    let (sse_type, key) = (given.sse_type.as_ref(), given.kms_master_key_id.as_ref());
    if given.enabled == Some(false) {
        return match (sse_type, key) {
            (Some(_), _) => Err(invalid("SSEType can not be specified if Enabled is false")),
            (_, Some(_)) => Err(invalid("KMSMasterKeyId can not be specified if Enabled is false")),
            _ => Ok(Wanted::Off),
        };
    }
    match sse_type {
        Some(SSEType::Kms) => Ok(Wanted::Kms(key.cloned())),
        Some(other) => Err(invalid(&format!("SSEType {} is not supported", other.as_str()))),
        None if key.is_some() => {
            Err(invalid("SSEType KMS is required if KMSMasterKeyId is specified"))
        }
        None if given.enabled == Some(true) => Ok(Wanted::Kms(None)),
        None => Ok(Wanted::Nothing),
    }
}

/// A data key for a table that is to have one.
#[derive(Clone)]
pub(crate) struct NewKey {
    sse: SseRecord,
    key: DataKey,
}

/// Has KMS make a data key, if that is wanted.
///
/// # Errors
/// KMS's, as DynamoDB passes them on.
pub(crate) async fn prepare(
    ctx: &Ctx,
    table: &str,
    wanted: &Wanted,
) -> Result<Option<NewKey>, Error> {
    let Wanted::Kms(given) = wanted else { return Ok(None) };
    let arn = kms::arn(ctx, given.as_deref().unwrap_or(MANAGED)).await?;
    let made = kms::generate(ctx, table, &arn).await?;
    let number = ctx.random().u64();
    keep(ctx, number, made.secret);
    let key = DataKey {
        account: ctx.account().to_owned(),
        region: ctx.region().to_owned(),
        table: table.to_owned(),
        table_number: None,
        wrapped: Wrapped::Kms(arn.clone(), made.wrapped),
    };
    let sse = SseRecord { number, kms_arn: Some(arn), pending: false, inaccessible_ms: None };
    Ok(Some(NewKey { sse, key }))
}

impl NewKey {
    /// Gives the data key to a table without rows; the caller stores the table.
    pub fn give(&self, tx: &mut WriteTx, table: &mut TableRecord) -> Result<(), StoreError> {
        table.sse = Some(self.sse.clone());
        let key = DataKey { table_number: Some(table.number), ..self.key.clone() };
        tx.put(&DATA_KEYS, self.sse.number, &key)
    }
}

/// How the encryption of a table changes.
pub(crate) enum Change {
    Nothing,
    /// It gets a data key; rows of before are then sealed.
    Begin(NewKey),
    /// Its data key is wrapped otherwise: by a key of KMS, or the installation's.
    Wrap {
        number: u64,
        key: DataKey,
        kms_arn: Option<String>,
    },
}

impl Change {
    /// What is wanted of a table as it is now.
    ///
    /// # Errors
    /// In DynamoDB's words, or KMS's.
    pub async fn new(
        ctx: &Ctx,
        name: &str,
        wanted: &Wanted,
        now: Option<&SseRecord>,
    ) -> Result<Change, Error> {
        let kms_arn = now.and_then(|sse| sse.kms_arn.as_ref());
        let arn = match wanted {
            Wanted::Nothing => return Ok(Change::Nothing),
            Wanted::Off if kms_arn.is_none() => {
                return Err(invalid("Table is already encrypted by default").into());
            }
            Wanted::Off => None,
            // An alias or an id that comes to the same is wrapped again, as at AWS.
            Wanted::Kms(Some(given)) if Some(given) == kms_arn => {
                return Err(invalid(
                    "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId \
                     parameter if you want to change Master Key",
                )
                .into());
            }
            Wanted::Kms(given) => Some(kms::arn(ctx, given.as_deref().unwrap_or(MANAGED)).await?),
        };
        let Some(now) = now else {
            let new = prepare(ctx, name, wanted).await?;
            return Ok(new.map_or(Change::Nothing, Change::Begin));
        };
        let number = now.number;
        let key = ctx.store().read(|tx| tx.get(&DATA_KEYS, number))?;
        let Some(key) = key else { return Ok(Change::Nothing) };
        let secret = key.open(ctx).await?;
        let key = match &arn {
            None => key.under_installation(ctx.kernel(), &secret),
            Some(arn) => {
                let wrapped = kms::encrypt(ctx, &key.table, arn, &secret).await?;
                DataKey { wrapped: Wrapped::Kms(arn.clone(), wrapped), ..key }
            }
        };
        keep(ctx, number, secret);
        Ok(Change::Wrap { number, key, kms_arn: arn })
    }

    /// Makes the change; the caller stores the table and starts the job.
    pub fn apply(
        &self,
        ctx: &Ctx,
        tx: &mut WriteTx,
        name: &str,
        table: &mut TableRecord,
    ) -> Result<Option<(Seal, TimerId)>, StoreError> {
        match self {
            Change::Nothing => Ok(None),
            Change::Begin(new) if table.sse.is_none() => {
                new.give(tx, table)?;
                table.sse.iter_mut().for_each(|sse| sse.pending = true);
                let seal = Seal::new(ctx, name, table.number);
                let watch = jobs::watch(tx, ctx.now().epoch_ms, &seal)?;
                Ok(Some((seal, watch)))
            }
            Change::Wrap { number, key, kms_arn } => {
                if let Some(sse) = table.sse.as_mut().filter(|sse| sse.number == *number) {
                    sse.kms_arn = kms_arn.clone();
                    sse.inaccessible_ms = None;
                    tx.put(&DATA_KEYS, *number, key)?;
                }
                Ok(None)
            }
            Change::Begin(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        (enabled, sse_type, key): (Option<bool>, Option<SSEType>, Option<&str>),
        expected: Result<Wanted, &str>,
    ) {
        let key = key.map(str::to_owned);
        let given = SSESpecification { enabled, sse_type, kms_master_key_id: key };
        let expected = expected.map_err(invalid);
        assert_eq!(wanted(Some(&given)).map_err(|e| e.0), expected.map_err(|e| e.0));
    }

    #[test]
    fn specifications_are_read_as_dynamodb_reads_them() {
        let kms = || Some(SSEType::Kms);
        check((None, None, None), Ok(Wanted::Nothing));
        check((Some(false), None, None), Ok(Wanted::Off));
        check((Some(true), None, None), Ok(Wanted::Kms(None)));
        check((None, kms(), None), Ok(Wanted::Kms(None)));
        check((None, kms(), Some("k")), Ok(Wanted::Kms(Some("k".to_owned()))));
        let off = "SSEType can not be specified if Enabled is false";
        check((Some(false), kms(), Some("k")), Err(off));
        check((Some(false), Some(SSEType::Aes256), None), Err(off));
        let off = "KMSMasterKeyId can not be specified if Enabled is false";
        check((Some(false), None, Some("k")), Err(off));
        check((Some(true), Some(SSEType::Aes256), None), Err("SSEType AES256 is not supported"));
        let needs = "SSEType KMS is required if KMSMasterKeyId is specified";
        check((Some(true), None, Some("k")), Err(needs));
    }
}
