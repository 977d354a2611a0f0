//! Pages of transfers, by table and time.

use api_dynamodb::Error;
use kernel::Ctx;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Key, Part, Scan, Table};

use super::{Direction, TransferId};
use crate::invalid::Invalid;

/// Transfers on a page at most.
const PAGE_MAX: i32 = 25;
/// The shortest token that ImportTable's model takes, in bytes.
const TOKEN_BYTES_MIN: usize = 56;

/// Transfers, and the token of the next page if there is one.
type Page<T> = (Vec<(TransferId, T)>, Option<String>);

/// A page of the transfers of a table or of all.
///
/// # Errors
/// If the token or the ARN are none.
pub(crate) fn read<T: Serialize + DeserializeOwned>(
    ctx: &Ctx,
    (table, direction): (&Table<T>, Direction),
    table_arn: Option<&str>,
    limit: Option<i32>,
    token: Option<&str>,
) -> Result<Page<T>, Error> {
    let name = table_arn.map(|arn| crate::table::name(ctx, arn)).transpose()?;
    let prefix = match &name {
        Some(name) => Key::of((ctx.account(), ctx.region(), name.as_str())),
        None => Key::of((ctx.account(), ctx.region())),
    };
    let limit = limit.unwrap_or(PAGE_MAX).clamp(1, PAGE_MAX) as usize;
    let mut scan = Scan::prefix(&prefix).limit(limit + 1);
    if let Some(token) = token {
        let (table_name, id) =
            parse(token).ok_or_else(|| Invalid::new("Invalid Request: NextToken is not valid"))?;
        scan = scan.after(Key::of((ctx.account(), ctx.region(), &*table_name, &*id)));
    }
    let mut found = ctx.store().read(|tx| tx.scan(table, scan))?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let found: Vec<_> = found
        .into_iter()
        .filter_map(|(key, record)| Some((id(ctx, direction, &key)?, record)))
        .collect();
    let last = found.last().filter(|_| has_more);
    let next = last.map(|(id, _)| print(&id.table_name, &id.id));
    Ok((found, next))
}

fn id(ctx: &Ctx, direction: Direction, key: &Key) -> Option<TransferId> {
    let mut parts = key.parts()?;
    match (parts.pop()?, parts.pop()?) {
        (Part::Text(id), Part::Text(table_name)) => Some(TransferId {
            direction,
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            table_name,
            id,
        }),
        _ => None,
    }
}

/// The token of the page after a transfer: sixteen hexadecimal digits or several times as many,
/// all that the model lets pass.
pub(crate) fn print(table_name: &str, id: &str) -> String {
    let mut bytes = format!("{table_name}/{id}/").into_bytes();
    let length = bytes.len().max(TOKEN_BYTES_MIN).next_multiple_of(8);
    bytes.resize(length, 0);
    kernel::digest::hex(&bytes)
}

/// The name of the table and the identifier of the transfer that a token is about.
pub(crate) fn parse(token: &str) -> Option<(String, String)> {
    let digits = token.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = digits.map(byte).collect::<Option<_>>()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut parts = text.splitn(3, '/');
    let (name, id, rest) = (parts.next()?, parts.next()?, parts.next()?);
    rest.bytes().all(|b| b == 0).then(|| (name.to_owned(), id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        for name in ["abc", &"n".repeat(255)] {
            let token = print(name, "01693685827463-2d8752fd");
            assert!(
                (112..=1024).contains(&token.len()) && token.len().is_multiple_of(16),
                "{token}"
            );
            let expected = Some((name.to_owned(), "01693685827463-2d8752fd".to_owned()));
            assert_eq!(parse(&token), expected);
        }
        for forged in ["", "00", "zz", "61622f", "é0"] {
            assert_eq!(parse(forged), None, "{forged}");
        }
    }
}
