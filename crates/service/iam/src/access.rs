//! Secrets at rest, and the making of access keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, SealError, Sealer};

use crate::record::KeyRecord;

/// A new key: its id, its secret, its record.
pub(crate) fn minted(ctx: &Ctx, user: Option<String>) -> (String, String, KeyRecord) {
    let id = kernel::key_id("AKIA", ctx.account(), ctx.random());
    let mut secret = [0; 30];
    ctx.random().fill(&mut secret);
    let secret = BASE64.encode(secret);
    let record = KeyRecord {
        account: ctx.account().to_owned(),
        user,
        active: true,
        created_ms: ctx.now().epoch_ms,
        secret: sealed(ctx.kernel().sealer(), "access-key", &id, secret.as_bytes()),
    };
    (id, secret, record)
}

/// The secret of a key.
pub(crate) fn opened_key(
    sealer: &Sealer,
    id: &str,
    record: &KeyRecord,
) -> Result<String, SealError> {
    let plain = opened(sealer, "access-key", id, &record.secret)?;
    String::from_utf8(plain).map_err(|_| SealError::Forged)
}

/// Seals a secret of a thing: it opens as no other thing's.
pub(crate) fn sealed(sealer: &Sealer, kind: &str, id: &str, plain: &[u8]) -> String {
    BASE64.encode(sealer.seal(&format!("iam/{kind}/{id}"), plain))
}

/// Opens what [`sealed`] made.
pub(crate) fn opened(
    sealer: &Sealer,
    kind: &str,
    id: &str,
    text: &str,
) -> Result<Vec<u8>, SealError> {
    let bytes = BASE64.decode(text).map_err(|_| SealError::Forged)?;
    sealer.open_sealed(&format!("iam/{kind}/{id}"), &bytes)
}

/// Seals a secret again under the newest key, in place; says whether it did.
pub(crate) fn resealed(
    sealer: &Sealer,
    kind: &str,
    id: &str,
    text: &mut String,
) -> Result<bool, SealError> {
    let old = BASE64.decode(&*text).map_err(|_| SealError::Forged)?;
    let Some(new) = sealer.resealed(&format!("iam/{kind}/{id}"), &old)? else { return Ok(false) };
    *text = BASE64.encode(new);
    Ok(true)
}
