//! Key material: sealed in the ring, open in memory only while it is used.

use api_kms::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{
    BoxFuture, Ctx, Fault, Kernel, Reseal, ResealProgress, SealError, Sealer, reseal_table,
};

use crate::Kms;
use crate::crypto::{self, Refused};
use crate::error::{internal, state};
use store::Part;

use crate::find::{Key, Place};
use crate::record::{Material, RINGS, Ring, RotationKind};

/// What material is sealed for. With the key's id, so that no record can be swapped for another.
pub(crate) fn purpose(key_id: &str) -> String {
    format!("kms/material/{key_id}")
}

/// Makes a version of `material`.
pub(crate) fn sealed(sealer: &Sealer, key_id: &str, material: &[u8]) -> Material {
    Material {
        id: crypto::material_id(key_id, material),
        sealed: Some(BASE64.encode(sealer.seal(&purpose(key_id), material))),
        rotation: None,
        current_since_ms: None,
        import: None,
    }
}

/// Opens a version.
pub(crate) fn open(kernel: &Kernel, key_id: &str, material: &Material) -> Result<Vec<u8>, Error> {
    let Some(sealed) = &material.sealed else {
        return Err(state("The key material has been deleted or has expired.").into());
    };
    let sealed = BASE64.decode(sealed).map_err(internal)?;
    Ok(kernel.sealer().open_sealed(&purpose(key_id), &sealed).map_err(internal)?)
}

/// The ring of a key.
pub(crate) fn ring(ctx: &Ctx, key: &Key) -> Result<Ring, Error> {
    let ring = ctx.store().read(|tx| tx.get(&RINGS, key.place.ring(&key.record)))?;
    Ok(ring.unwrap_or_default())
}

/// The current version of a usable key, with its id.
pub(crate) fn current(ctx: &Ctx, key: &Key) -> Result<(String, Vec<u8>), Error> {
    let ring = ring(ctx, key)?;
    let material = ring.current().ok_or_else(|| internal("a usable key without material"))?;
    Ok((material.id.clone(), open(ctx.kernel(), &key.place.id, material)?))
}

impl Ring {
    pub(crate) fn current(&self) -> Option<&Material> {
        self.find(self.current.as_deref()?)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&Material> {
        self.materials.iter().find(|material| material.id == id)
    }

    pub(crate) fn find_mut(&mut self, id: &str) -> Option<&mut Material> {
        self.materials.iter_mut().find(|material| material.id == id)
    }

    /// Adds a version or takes the pending one with its id, and makes it the current one.
    pub(crate) fn install(&mut self, mut new: Material, how: Option<RotationKind>, now_ms: i64) {
        new.rotation = how;
        new.current_since_ms = Some(now_ms);
        self.current = Some(new.id.clone());
        match self.find_mut(&new.id) {
            Some(old) => *old = new,
            None => self.materials.push(new),
        }
    }
}

/// Makes material for a new key or a rotation. RSA needs up to seconds of a core, so those come
/// from a thread that may be kept waiting.
pub(crate) async fn generate(
    ctx: &Ctx,
    place: &Place,
    spec: &api_kms::KeySpec,
) -> Result<Material, Error> {
    let bytes = fresh(ctx, spec).await?;
    Ok(sealed(ctx.kernel().sealer(), &place.id, &bytes))
}

/// New key material, open.
pub(crate) async fn fresh(ctx: &Ctx, spec: &api_kms::KeySpec) -> Result<Vec<u8>, Error> {
    let failed = |Refused| Error::from(internal("the library made no key"));
    match crate::spec::family(spec) {
        Some(crate::spec::Family::Rsa) => {
            let (spec, kernel) = (spec.clone(), ctx.kernel().clone());
            let work = move || crypto::generate(&spec, kernel.random());
            blocking(work).await?.map_err(failed)
        }
        _ => crypto::generate(spec, ctx.random()).map_err(failed),
    }
}

/// Runs what takes long on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(internal)?)
}

impl Reseal for Kms {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_table(kernel, &RINGS, progress, |sealer, at, ring| {
            let parts = at.parts();
            let Some([.., Part::Text(key_id)]) = parts.as_deref() else { return Ok(false) };
            let mut changed = false;
            for sealed in ring.materials.iter_mut().filter_map(|m| m.sealed.as_mut()) {
                let old = BASE64.decode(&*sealed).map_err(|_| SealError::Forged)?;
                if let Some(new) = sealer.resealed(&purpose(key_id), &old)? {
                    *sealed = BASE64.encode(new);
                    changed = true;
                }
            }
            Ok(changed)
        }))
    }
}
