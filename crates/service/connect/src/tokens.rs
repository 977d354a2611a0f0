//! Client tokens: the same request again makes nothing new.

use crate::content::sha256;
use crate::records::{TOKENS, TokenRecord};
use kernel::Ctx;
use store::{StoreError, WriteTx};

/// How long a token is remembered, in milliseconds: seven days, as Connect documents.
const REMEMBERED_MS: i64 = 7 * 24 * 3_600_000;

/// A client token of one request; none if it came without one.
pub(crate) struct Token {
    operation: &'static str,
    token: Option<String>,
    parameters: String,
}

/// What is known of a token.
pub(crate) enum Known {
    /// It is new.
    Nothing,
    /// The same request was answered with this id.
    Same(String),
    /// Another request had it.
    Other,
}

/// The token of a request with these parameters.
pub(crate) fn token(
    ctx: &Ctx,
    operation: &'static str,
    token: Option<&str>,
    parameters: &str,
) -> Token {
    let parameters = sha256(&format!("{} {parameters}", ctx.region()));
    let token = token.filter(|token| !token.is_empty()).map(str::to_owned);
    Token { operation, token, parameters }
}

impl Token {
    /// What is known of it.
    pub(crate) fn find(&self, tx: &WriteTx, ctx: &Ctx) -> Result<Known, StoreError> {
        let Some(token) = &self.token else { return Ok(Known::Nothing) };
        let key = (ctx.account(), ctx.region(), self.operation, token.as_str());
        Ok(match tx.get(&TOKENS, key)? {
            Some(record) if record.expires_ms <= ctx.now().epoch_ms => Known::Nothing,
            Some(record) if record.parameters == self.parameters => Known::Same(record.id),
            Some(_) => Known::Other,
            None => Known::Nothing,
        })
    }

    /// Remembers what it was answered with.
    pub(crate) fn keep(&self, tx: &mut WriteTx, ctx: &Ctx, id: &str) -> Result<(), StoreError> {
        let Some(token) = &self.token else { return Ok(()) };
        let key = (ctx.account(), ctx.region(), self.operation, token.as_str());
        let record = TokenRecord {
            parameters: self.parameters.clone(),
            id: id.to_owned(),
            expires_ms: ctx.now().epoch_ms + REMEMBERED_MS,
        };
        tx.put(&TOKENS, key, &record)
    }
}
