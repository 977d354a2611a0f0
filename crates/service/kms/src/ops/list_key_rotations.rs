//! `ListKeyRotations`.
//!
//! ```text
//! aws kms list-key-rotations --key-id 1234abcd-12ab-34cd-56ef-1234567890ab
//! ```

use api_kms::{
    Error, ExpirationModelType, ImportState, IncludeKeyMaterial, KeyMaterialState, KeySpec,
    ListKeyRotationsRequest, ListKeyRotationsResponse, RotationType, RotationsListEntry,
};
use kernel::{Ctx, Timestamp};

use crate::error::{bad_marker, unsupported};
use crate::find::{Key, Names, find};
use crate::page::limit;
use crate::record::{Material, Ring, RotationKind};
use crate::{Kms, material};

/// Rotations of a page when a request does not say.
const USUAL: usize = 100;

pub(crate) async fn list_key_rotations(
    _: &Kms,
    ctx: &Ctx,
    input: ListKeyRotationsRequest,
) -> Result<ListKeyRotationsResponse, Error> {
    let key = ctx.store().read(|tx| find(tx, ctx, &input.key_id, Names::Ids))?;
    if key.spec() != KeySpec::SymmetricDefault {
        return Err(unsupported("").into());
    }
    key.not_ending()?;
    let ring = material::ring(ctx, &key)?;
    let all = input.include_key_material == Some(IncludeKeyMaterial::AllKeyMaterial);
    let rows: Vec<&Material> =
        ring.materials.iter().filter(|m| all || m.rotation.is_some()).collect();
    // The marker is the id of the last material.
    let begin = match &input.marker {
        None => 0,
        Some(marker) => 1 + rows.iter().position(|row| row.id == *marker).ok_or_else(bad_marker)?,
    };
    let max = limit(input.limit, USUAL);
    let more = rows.len() > begin + max;
    let page: Vec<&Material> = rows.into_iter().skip(begin).take(max).collect();
    Ok(ListKeyRotationsResponse {
        next_marker: page.last().filter(|_| more).map(|row| row.id.clone()),
        truncated: Some(more),
        rotations: Some(page.into_iter().map(|row| entry(&key, &ring, row)).collect()),
    })
}

fn entry(key: &Key, ring: &Ring, material: &Material) -> RotationsListEntry {
    let import = material.import.as_ref();
    let valid_to_ms = import.and_then(|import| import.valid_to_ms);
    RotationsListEntry {
        key_id: Some(key.arn.clone()),
        key_material_id: Some(material.id.clone()),
        key_material_description: import.and_then(|import| import.description.clone()),
        import_state: key.record.external.then_some(match material.sealed {
            Some(_) => ImportState::Imported,
            None => ImportState::PendingImport,
        }),
        key_material_state: Some(match material.current_since_ms {
            None => KeyMaterialState::PendingRotation,
            Some(_) if ring.current.as_deref() == Some(&material.id) => KeyMaterialState::Current,
            Some(_) => KeyMaterialState::NonCurrent,
        }),
        expiration_model: import.map(|_| match valid_to_ms {
            Some(_) => ExpirationModelType::KeyMaterialExpires,
            None => ExpirationModelType::KeyMaterialDoesNotExpire,
        }),
        valid_to: valid_to_ms.map(Timestamp::from_ms),
        rotation_date: material
            .current_since_ms
            .filter(|_| material.rotation.is_some())
            .map(Timestamp::from_ms),
        rotation_type: material.rotation.map(|how| match how {
            RotationKind::Automatic => RotationType::Automatic,
            RotationKind::OnDemand => RotationType::OnDemand,
        }),
    }
}
