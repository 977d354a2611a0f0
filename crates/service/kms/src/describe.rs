//! A key as the API shows it.

use api_kms::{
    CustomerMasterKeySpec, EncapsulationAlgorithmSpec, ExpirationModelType,
    KeyAgreementAlgorithmSpec, KeyManagerType, KeyMetadata, KeySpec, KeyState, KeyUsageType,
    MultiRegionConfiguration, MultiRegionKey, MultiRegionKeyType, OriginType,
};
use kernel::Timestamp;

use crate::find::Key;
use crate::record::{KeyRecord, MultiRegion, Ring};
use crate::spec;

/// `KeyMetadata`. Lists of algorithms that the key has not are absent.
pub(crate) fn metadata(key: &Key, ring: Option<&Ring>) -> KeyMetadata {
    let record = &key.record;
    let (state, usage, key_spec) = (record.state(), record.usage(), record.spec());
    let some = |has: bool| has.then_some(());
    let deletion = record.deletion.as_ref();
    let imported = record.external && record.has_material;
    let symmetric = key_spec == KeySpec::SymmetricDefault;
    KeyMetadata {
        aws_account_id: Some(key.place.account.clone()),
        key_id: key.place.id.clone(),
        arn: Some(key.arn.clone()),
        creation_date: Some(Timestamp::from_ms(record.created_ms)),
        enabled: Some(state == KeyState::Enabled),
        description: Some(record.description.clone()),
        key_usage: Some(usage.clone()),
        key_state: Some(state.clone()),
        deletion_date: deletion.and_then(|d| d.at_ms).map(Timestamp::from_ms),
        pending_deletion_window_in_days: deletion
            .filter(|d| d.at_ms.is_none())
            .map(|d| d.window_days),
        valid_to: record.valid_to_ms.filter(|_| imported).map(Timestamp::from_ms),
        expiration_model: some(imported).map(|()| match record.valid_to_ms {
            Some(_) => ExpirationModelType::KeyMaterialExpires,
            None => ExpirationModelType::KeyMaterialDoesNotExpire,
        }),
        origin: Some(origin(record)),
        key_manager: Some(match record.managed {
            true => KeyManagerType::Aws,
            false => KeyManagerType::Customer,
        }),
        customer_master_key_spec: old_spec(&key_spec),
        encryption_algorithms: some(usage == KeyUsageType::EncryptDecrypt)
            .map(|()| spec::encryption(&key_spec)),
        signing_algorithms: some(usage == KeyUsageType::SignVerify)
            .map(|()| spec::signing(&key_spec)),
        mac_algorithms: some(usage == KeyUsageType::GenerateVerifyMac)
            .map(|()| spec::mac(&key_spec)),
        key_agreement_algorithms: some(usage == KeyUsageType::KeyAgreement)
            .map(|()| vec![KeyAgreementAlgorithmSpec::Ecdh]),
        encapsulation_algorithms: some(usage == KeyUsageType::EncapsulateDecapsulate)
            .map(|()| vec![EncapsulationAlgorithmSpec::MlKem]),
        multi_region: Some(record.multi_region.is_some()),
        multi_region_configuration: record.multi_region.as_ref().map(|r| configuration(key, r)),
        current_key_material_id: ring
            .and_then(|r| r.current.clone())
            .filter(|_| symmetric && record.has_material),
        key_spec: Some(key_spec),
        ..Default::default()
    }
}

/// Whose the material is.
pub(crate) fn origin(record: &KeyRecord) -> OriginType {
    if record.external { OriginType::External } else { OriginType::AwsKms }
}

/// The spec in the older member, which does not know those that came later.
pub(crate) fn old_spec(spec: &KeySpec) -> Option<CustomerMasterKeySpec> {
    let old = CustomerMasterKeySpec::from(spec.as_str());
    (!matches!(old, CustomerMasterKeySpec::Unknown(_))).then_some(old)
}

fn configuration(key: &Key, regions: &MultiRegion) -> MultiRegionConfiguration {
    let related = |region: &String| MultiRegionKey {
        arn: Some(key.place.in_region(region).arn()),
        region: Some(region.clone()),
    };
    MultiRegionConfiguration {
        multi_region_key_type: Some(match key.record.is_replica(&key.place.region) {
            true => MultiRegionKeyType::Replica,
            false => MultiRegionKeyType::Primary,
        }),
        primary_key: Some(related(&regions.primary)),
        replica_keys: Some(regions.replicas.iter().map(related).collect()),
    }
}
