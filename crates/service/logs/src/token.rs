//! Page tokens: where to go on, with a code that only this installation makes. The same place has
//! the same token, since clients compare tokens to find the end of a stream.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use kernel::{Ctx, Fault};
use store::Key;

use crate::error::bad_token;

const CODE_BYTES: usize = 16;
const TOKEN_BYTES_MAX: usize = 4096;

/// Makes a token that opens only for the same account, region and `scope` (operation, group, …).
pub(crate) fn issue(ctx: &Ctx, scope: &Key, payload: &[u8]) -> String {
    BASE64.encode([payload, &code(ctx, scope, payload)].concat())
}

/// The payload of a token.
pub(crate) fn open(ctx: &Ctx, scope: &Key, token: &str) -> Result<Vec<u8>, Fault> {
    let mut bytes = match token.len() <= TOKEN_BYTES_MAX {
        true => BASE64.decode(token).map_err(|_| bad_token())?,
        false => return Err(bad_token()),
    };
    let at = bytes.len().checked_sub(CODE_BYTES).ok_or_else(bad_token)?;
    let given = bytes.split_off(at);
    let differences = given.iter().zip(code(ctx, scope, &bytes)).fold(0, |d, (a, b)| d | (a ^ b));
    if differences == 0 { Ok(bytes) } else { Err(bad_token()) }
}

fn code(ctx: &Ctx, scope: &Key, payload: &[u8]) -> [u8; CODE_BYTES] {
    let input = Key::of((ctx.account(), ctx.region(), scope.as_bytes(), payload));
    let code = ctx.kernel().sealer().derive("logs/page-token", input.as_bytes());
    *code.first_chunk().expect("32 bytes begin with 16")
}
