//! Page tokens: where to go on, with a code that only this installation makes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use kernel::Ctx;
use store::Key;

const CODE_BYTES: usize = 16;
const TOKEN_BYTES_MAX: usize = 4096;

/// Makes a token that opens only for the same account, region and `scope`.
pub(crate) fn issue(ctx: &Ctx, scope: &str, payload: &[u8]) -> String {
    BASE64.encode([payload, &code(ctx, scope, payload)].concat())
}

/// The payload of a token; nothing if it was not made here, or not for this.
pub(crate) fn open(ctx: &Ctx, scope: &str, token: &str) -> Option<Vec<u8>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let mut bytes = BASE64.decode(token).ok()?;
    let at = bytes.len().checked_sub(CODE_BYTES)?;
    let given = bytes.split_off(at);
    let differences = given.iter().zip(code(ctx, scope, &bytes)).fold(0, |d, (a, b)| d | (a ^ b));
    (differences == 0).then_some(bytes)
}

fn code(ctx: &Ctx, scope: &str, payload: &[u8]) -> [u8; CODE_BYTES] {
    let input = Key::of((ctx.account(), ctx.region(), scope, payload));
    let code = ctx.kernel().sealer().derive("cloudwatch/page-token", input.as_bytes());
    *code.first_chunk().expect("32 bytes begin with 16")
}
