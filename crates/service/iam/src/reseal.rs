//! Secrets of IAM, sealed again when the installation's key is changed.

use kernel::{BoxFuture, Fault, Kernel, Reseal, ResealProgress, reseal_table};
use store::{Key, Part};

use crate::access::resealed;
use crate::record::{KEYS, LOGINS, MFA, SAML, SERVER, SERVICE_CREDENTIALS};

/// The last part of a key: the id that secrets are bound to.
fn last(key: &Key) -> String {
    match key.parts().unwrap_or_default().pop() {
        Some(Part::Text(id)) => id,
        _ => String::new(),
    }
}

impl Reseal for crate::Iam {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(all(kernel, progress))
    }
}

async fn all(kernel: &Kernel, progress: &ResealProgress) -> Result<(), Fault> {
    reseal_table(kernel, &KEYS, progress, |sealer, at, record| {
        resealed(sealer, "access-key", &last(at), &mut record.secret)
    })
    .await?;
    reseal_table(kernel, &LOGINS, progress, |sealer, at, record| {
        let id = last(at);
        let mut changed = resealed(sealer, "password", &id, &mut record.hash)?;
        for hash in &mut record.former {
            changed |= resealed(sealer, "password", &id, hash)?;
        }
        Ok(changed)
    })
    .await?;
    reseal_table(kernel, &MFA, progress, |sealer, _, record| {
        resealed(sealer, "mfa", &record.serial, &mut record.seed)
    })
    .await?;
    reseal_table(kernel, &SAML, progress, |sealer, _, record| {
        let mut changed = false;
        for key in &mut record.keys {
            changed |= resealed(sealer, "saml-key", &key.id, &mut key.key)?;
        }
        Ok(changed)
    })
    .await?;
    reseal_table(kernel, &SERVER, progress, |sealer, _, record| {
        resealed(sealer, "server-certificate", &record.id, &mut record.key)
    })
    .await?;
    reseal_table(kernel, &SERVICE_CREDENTIALS, progress, |sealer, at, record| {
        resealed(sealer, "service", &last(at), &mut record.secret)
    })
    .await
}
