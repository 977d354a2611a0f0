//! What would have left for people: e-mail and text messages. Nothing is sent to anybody; it can
//! be read here instead.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use store::{ReadTx, Scan, StoreError, Table, WriteTx};

/// Mail by (time, id), so that it is in the order in which it was sent.
const MAIL: Table<Mail> = Table::new("mailbox/mail");
/// The time of a mail by its id.
const IDS: Table<u64> = Table::new("mailbox/id");

/// How long mail is kept: 30 days.
const KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Mail that was kept long enough and is removed when one is added.
const REMOVED_MAX: usize = 10;
/// Most mail in one listing.
pub const PAGE_MAX: usize = 1000;

/// How it would have travelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// To an e-mail address.
    Email,
    /// To a telephone.
    Sms,
}

/// One message to one or more people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// Unique; the sender's.
    pub id: String,
    /// Milliseconds since 1970.
    pub sent_ms: u64,
    /// How.
    pub channel: Channel,
    /// The sender's name or address.
    pub from: String,
    /// Addresses or numbers.
    pub to: Vec<String>,
    /// Only e-mail has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text.
    pub body: String,
    /// What else the sender says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

/// Adds mail. One with the same id is replaced: sending again changes nothing.
pub fn add(tx: &mut WriteTx, mail: &Mail) -> Result<(), StoreError> {
    if let Some(sent_ms) = tx.get(&IDS, &mail.id)? {
        tx.delete(&MAIL, (sent_ms, mail.id.as_str()))?;
    }
    tx.put(&IDS, &mail.id, &mail.sent_ms)?;
    tx.put(&MAIL, (mail.sent_ms, mail.id.as_str()), mail)?;
    let before = mail.sent_ms.saturating_sub(KEPT_MS);
    for (key, old) in tx.scan(&MAIL, Scan::all().lt(before).limit(REMOVED_MAX))? {
        tx.delete(&MAIL, key)?;
        tx.delete(&IDS, &old.id)?;
    }
    Ok(())
}

/// The latest mail, newest first; only mail to `to` if that is given.
pub fn list(tx: &ReadTx, to: Option<&str>, limit: usize) -> Result<Vec<Mail>, StoreError> {
    let all = Scan::all().reverse().limit(PAGE_MAX);
    let found = tx.scan(&MAIL, all)?.into_iter().map(|(_, mail)| mail);
    let meant = |mail: &Mail| to.is_none_or(|to| mail.to.iter().any(|address| address == to));
    Ok(found.filter(meant).take(limit).collect())
}

/// One mail.
pub fn find(tx: &ReadTx, id: &str) -> Result<Option<Mail>, StoreError> {
    let Some(sent_ms) = tx.get(&IDS, id)? else { return Ok(None) };
    tx.get(&MAIL, (sent_ms, id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::Store;

    fn mail(id: &str, sent_ms: u64, to: &str) -> Mail {
        Mail {
            id: id.into(),
            sent_ms,
            channel: Channel::Email,
            from: "a@example.com".into(),
            to: vec![to.into()],
            subject: None,
            body: "hello".into(),
            about: BTreeMap::new(),
        }
    }

    #[test]
    fn what_was_sent_is_there_and_goes_after_a_month() {
        let store = Store::memory();
        let put = |mail: Mail| store.write_blocking(|tx| add(tx, &mail)).unwrap();
        let ids = |to: Option<&str>| {
            let found = store.read(|tx| list(tx, to, 10)).unwrap();
            found.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
        };
        put(mail("1", 1, "x"));
        put(mail("2", 2, "y"));
        put(mail("1", 3, "x"));
        assert_eq!(ids(None), ["1", "2"]);
        assert_eq!(ids(Some("y")), ["2"]);
        assert_eq!(store.read(|tx| find(tx, "1")).unwrap().unwrap().sent_ms, 3);
        put(mail("4", KEPT_MS + 10, "x"));
        assert_eq!(ids(None), ["4"]);
        assert_eq!(store.read(|tx| find(tx, "1")).unwrap(), None);
    }
}
