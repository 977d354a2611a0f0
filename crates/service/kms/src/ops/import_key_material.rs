//! `GetParametersForImport`, `ImportKeyMaterial`, `DeleteImportedKeyMaterial`.
//!
//! ```text
//! aws kms get-parameters-for-import --key-id 1234abcd-12ab-34cd-56ef-1234567890ab \
//!     --wrapping-algorithm RSAES_OAEP_SHA_256 --wrapping-key-spec RSA_3072
//! ```

use api_kms::{
    AlgorithmSpec, DeleteImportedKeyMaterialRequest, DeleteImportedKeyMaterialResponse, Error,
    ExpirationModelType, GetParametersForImportRequest, GetParametersForImportResponse,
    ImportKeyMaterialRequest, ImportKeyMaterialResponse, ImportType, KeySpec, WrappingKeySpec,
};
use kernel::{Ctx, Fault, Timestamp};
use store::WriteTx;

use crate::crypto::{self, WrappingKey};
use crate::error::{bad_ciphertext, internal, state, validation, wrong_origin};
use crate::find::{Key, Names, find};
use crate::import::{TOKEN_MS, Token, forget, schedule};
use crate::record::{Import, KEYS, Material, RINGS, Ring};
use crate::spec::{Family, family};
use crate::{Kms, material};

/// Imported material may be given an end of at most so many days (as documented).
const VALID_DAYS_MAX: i64 = 365;

pub(crate) async fn get_parameters_for_import(
    _: &Kms,
    ctx: &Ctx,
    input: GetParametersForImportRequest,
) -> Result<GetParametersForImportResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    check_external(&key)?;
    key.not_ending()?;
    check_wrapping(&key, &input.wrapping_algorithm, &input.wrapping_key_spec)?;
    let spec = input.wrapping_key_spec;
    let wrapping = material::blocking(move || WrappingKey::generate(&spec))
        .await?
        .map_err(|_| internal("the library made no key"))?;
    let until_ms = ctx.now().epoch_ms + TOKEN_MS;
    let token = Token::new(&key.place, &input.wrapping_algorithm, until_ms, wrapping.private);
    Ok(GetParametersForImportResponse {
        key_id: Some(key.arn),
        import_token: Some(token.seal(ctx)?.into()),
        public_key: Some(wrapping.public.into()),
        parameters_valid_to: Some(Timestamp::from_ms(until_ms)),
    })
}

pub(crate) async fn import_key_material(
    _: &Kms,
    ctx: &Ctx,
    input: ImportKeyMaterialRequest,
) -> Result<ImportKeyMaterialResponse, Error> {
    let now_ms = ctx.now().epoch_ms;
    let valid_to_ms = valid_to(&input, now_ms)?;
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    check_external(&key)?;
    key.not_ending()?;
    let bytes = unwrapped(ctx, &key, &input, now_ms).await?;
    let mut new = material::sealed(ctx.kernel().sealer(), &key.place.id, &bytes);
    new.import = Some(Import {
        description: input.key_material_description.clone(),
        valid_to_ms,
        timer: None,
    });
    if input.key_material_id.as_ref().is_some_and(|named| *named != new.id) {
        return Err(incorrect_material().into());
    }
    let is_new = input.import_type == Some(ImportType::NewKeyMaterial);
    ctx.store()
        .write(|tx| {
            let key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.not_ending()?;
            install(tx, key, new.clone(), is_new, now_ms)
        })
        .await?;
    let symmetric = key.spec() == KeySpec::SymmetricDefault;
    Ok(ImportKeyMaterialResponse {
        key_id: Some(key.arn),
        key_material_id: symmetric.then_some(new.id),
    })
}

pub(crate) async fn delete_imported_key_material(
    _: &Kms,
    ctx: &Ctx,
    input: DeleteImportedKeyMaterialRequest,
) -> Result<DeleteImportedKeyMaterialResponse, Error> {
    let (arn, id) = ctx
        .store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            check_external(&key)?;
            key.not_ending()?;
            let at = key.place.ring(&key.record);
            let mut ring = tx.get(&RINGS, at)?.unwrap_or_default();
            let Some(id) = input.key_material_id.clone().or_else(|| ring.current.clone()) else {
                return Ok((key.arn, None));
            };
            if ring.find(&id).is_none() {
                return Err(Error::from(crate::error::not_found(format!(
                    "Key material {id} does not exist in key {}",
                    key.arn
                ))));
            }
            forget(tx, &key.place, &mut key.record, &mut ring, &id)?;
            let symmetric = key.spec() == KeySpec::SymmetricDefault;
            Ok((key.arn, symmetric.then_some(id)))
        })
        .await?;
    Ok(DeleteImportedKeyMaterialResponse { key_id: Some(arn), key_material_id: id })
}

fn check_external(key: &Key) -> Result<(), Fault> {
    if key.record.external { Ok(()) } else { Err(wrong_origin(&key.arn, "AWS_KMS")) }
}

/// Which wrapping an import may use: private RSA keys are longer than RSA alone can wrap.
fn check_wrapping(key: &Key, by: &AlgorithmSpec, spec: &WrappingKeySpec) -> Result<(), Fault> {
    if *spec == WrappingKeySpec::Sm2 || *by == AlgorithmSpec::Sm2Pke {
        return Err(Fault::not_implemented("wrapping with SM2"));
    }
    if *by == AlgorithmSpec::RsaesPkcs1V15 {
        return Err(crate::error::unsupported(
            "Algorithm RSAES_PKCS1_V1_5 is no longer supported for importing key material.",
        ));
    }
    let alone = matches!(by, AlgorithmSpec::RsaesOaepSha1 | AlgorithmSpec::RsaesOaepSha256);
    if alone && family(&key.spec()) == Some(Family::Rsa) {
        let (by, spec) = (by.as_str(), &key.record.spec);
        return Err(validation(format!(
            "Wrapping algorithm {by} is not compatible with key spec {spec}."
        )));
    }
    Ok(())
}

fn valid_to(input: &ImportKeyMaterialRequest, now_ms: i64) -> Result<Option<i64>, Error> {
    let expires = input.expiration_model != Some(ExpirationModelType::KeyMaterialDoesNotExpire);
    match input.valid_to {
        None if expires => Err(validation(
            "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        )
        .into()),
        None => Ok(None),
        Some(_) if !expires => Err(validation(
            "A validTo date must not be set if the ExpirationModel is \
             KEY_MATERIAL_DOES_NOT_EXPIRE",
        )
        .into()),
        Some(at) => {
            let max_ms = now_ms + VALID_DAYS_MAX * crate::rotate::DAY_MS;
            if at.epoch_ms <= now_ms || at.epoch_ms > max_ms {
                return Err(validation(
                    "ValidTo must be in the future, and at most 365 days from now",
                )
                .into());
            }
            Ok(Some(at.epoch_ms))
        }
    }
}

async fn unwrapped(
    ctx: &Ctx,
    key: &Key,
    input: &ImportKeyMaterialRequest,
    now_ms: i64,
) -> Result<Vec<u8>, Error> {
    let invalid = || Fault::sender("InvalidImportTokenException", "");
    let token = Token::open(ctx, &input.import_token.0).ok_or_else(invalid)?;
    if !token.is_for(&key.place) {
        return Err(invalid().into());
    }
    if token.until_ms <= now_ms {
        return Err(Fault::sender("ExpiredImportTokenException", "").into());
    }
    let wrapped = input.encrypted_key_material.0.clone();
    let spec = key.spec();
    let work = move || {
        let bytes = crypto::unwrap(&token.algorithm(), &token.private, &wrapped).ok()?;
        Some((crypto::check_imported(&spec, &bytes).is_ok(), bytes))
    };
    match material::blocking(work).await? {
        None => Err(bad_ciphertext().into()),
        Some((false, _)) => Err(incorrect_material().into()),
        Some((true, bytes)) => Ok(bytes),
    }
}

fn incorrect_material() -> Fault {
    Fault::sender("IncorrectKeyMaterialException", "")
}

/// Puts material into the ring: the first, one that was there before, or a new one that waits for
/// a rotation.
fn install(
    tx: &mut WriteTx,
    mut key: Key,
    mut new: Material,
    is_new: bool,
    now_ms: i64,
) -> Result<(), Error> {
    let (place, symmetric) = (key.place.clone(), key.spec() == KeySpec::SymmetricDefault);
    let mut ring = tx.get(&RINGS, place.ring(&key.record))?.unwrap_or_default();
    let old = ring.find(&new.id).cloned();
    match &old {
        Some(old) => {
            if let Some(timer) = old.import.as_ref().and_then(|import| import.timer) {
                tx.cancel(timer)?;
            }
            new.rotation = old.rotation;
            new.current_since_ms = old.current_since_ms;
        }
        None if ring.materials.is_empty() => {}
        None if is_new && symmetric => check_pending(&key, &ring, &new)?,
        None => return Err(incorrect_material().into()),
    }
    let import = new.import.get_or_insert_default();
    if let Some(at_ms) = import.valid_to_ms {
        import.timer = Some(schedule(tx, &place, &new.id, at_ms)?);
    }
    let first = ring.materials.is_empty();
    if first {
        ring.install(new, None, now_ms);
    } else if let Some(slot) = ring.find_mut(&new.id) {
        *slot = new;
    } else {
        ring.materials.push(new);
    }
    let there = |m: &Material| m.sealed.is_some() || m.current_since_ms.is_none();
    key.record.has_material = ring.materials.iter().all(there);
    let import = ring.current().and_then(|current| current.import.as_ref());
    key.record.valid_to_ms = import.and_then(|import| import.valid_to_ms);
    tx.put(&RINGS, place.ring(&key.record), &ring)?;
    Ok(tx.put(&KEYS, place.key(), &key.record)?)
}

fn check_pending(key: &Key, ring: &Ring, new: &Material) -> Result<(), Fault> {
    if key.record.multi_region.is_some() {
        return Err(Fault::not_implemented("new key material for imported multi-Region keys"));
    }
    let pending = ring.materials.iter().find(|material| material.current_since_ms.is_none());
    match pending {
        None => Ok(()),
        Some(pending) => Err(state(format!(
            "New key material (id: {}) cannot be imported into KMS key {}, because another key \
             material (id: {}) is pending rotation.",
            new.id, key.arn, pending.id
        ))),
    }
}
