//! Access keys: made, sealed, opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{
    BoxFuture, Ctx, Fault, Kernel, Reseal, ResealProgress, SealError, Sealer, reseal_table,
};
use store::Part;

use crate::id;
use crate::record::{KEYS, KeyRecord};

/// What secrets of access keys are sealed for.
pub(crate) const SEAL_PURPOSE: &str = "iam/access-key";

/// A new key: its id, its secret, its record.
pub(crate) fn minted(ctx: &Ctx, user: Option<String>) -> (String, String, KeyRecord) {
    let (id, secret) = (id::access_key(ctx.random(), ctx.account()), id::secret(ctx.random()));
    let sealed = ctx.kernel().sealer().seal(&purpose(&id), secret.as_bytes());
    let record = KeyRecord {
        account: ctx.account().to_owned(),
        user,
        active: true,
        created_ms: ctx.now().epoch_ms,
        secret: BASE64.encode(sealed),
    };
    (id, secret, record)
}

/// The secret of a key.
pub(crate) fn opened(sealer: &Sealer, id: &str, record: &KeyRecord) -> Result<String, SealError> {
    let sealed = BASE64.decode(&record.secret).map_err(|_| SealError::Forged)?;
    let plain = sealer.open_sealed(&purpose(id), &sealed)?;
    String::from_utf8(plain).map_err(|_| SealError::Forged)
}

/// One key's secret never opens as another's.
fn purpose(id: &str) -> String {
    format!("{SEAL_PURPOSE}/{id}")
}

impl Reseal for crate::Iam {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_table(kernel, &KEYS, progress, |sealer, at, record| {
            let parts = at.parts();
            let Some([.., Part::Text(id)]) = parts.as_deref() else { return Ok(false) };
            let old = BASE64.decode(&record.secret).map_err(|_| SealError::Forged)?;
            let Some(new) = sealer.resealed(&purpose(id), &old)? else { return Ok(false) };
            record.secret = BASE64.encode(new);
            Ok(true)
        }))
    }
}
