//! The life of keys by the clock: what timers do, through the kernel as other services call it.

use std::sync::Arc;
use std::time::Duration;

use api_kms::{Client, KeyState, KeyUsageType};
use kernel::{Config, Ctx, Fault, Kernel, ManualClock, Principal};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A cloud whose clock stands still.
struct Cloud {
    kernel: Kernel,
    clock: Arc<ManualClock>,
}

impl Cloud {
    fn new() -> Cloud {
        let clock = Arc::new(ManualClock::at(1_800_000_000_000));
        let kernel = Kernel::new(Config { clock: clock.clone(), ..Config::memory() });
        kernel.start(vec![service_kms::service()]);
        Cloud { kernel, clock }
    }

    fn client(&self, region: &str) -> Client {
        let principal = Principal::Root { account: "111122223333".into() };
        Ctx::new(&self.kernel, region, principal, "request".into()).client()
    }

    /// Moves the clock, then waits until `done`: timers run on other tasks.
    async fn pass<F: Future<Output = bool>>(&self, time: Duration, done: impl Fn() -> F) {
        self.clock.advance(time);
        for _ in 0..2000 {
            if done().await {
                return;
            }
            tokio::task::yield_now().await;
            self.clock.advance(Duration::from_millis(1));
        }
        panic!("not done in time");
    }
}

async fn make(kms: &Client, multi_region: bool) -> String {
    let input =
        api_kms::CreateKeyRequest { multi_region: Some(multi_region), ..Default::default() };
    kms.create_key(input).await.unwrap().key_metadata.unwrap().key_id
}

async fn describe(kms: &Client, key_id: &str) -> Result<api_kms::KeyMetadata, Fault> {
    let input = api_kms::DescribeKeyRequest { key_id: key_id.into(), ..Default::default() };
    Ok(kms.describe_key(input).await?.key_metadata.unwrap())
}

async fn encrypt(kms: &Client, key_id: &str) -> shape::Blob {
    let input = api_kms::EncryptRequest {
        key_id: key_id.into(),
        plaintext: b"plain".to_vec().into(),
        ..Default::default()
    };
    kms.encrypt(input).await.unwrap().ciphertext_blob.unwrap()
}

async fn decrypt(kms: &Client, blob: &shape::Blob) -> Result<Vec<u8>, Fault> {
    let input =
        api_kms::DecryptRequest { ciphertext_blob: Some(blob.clone()), ..Default::default() };
    Ok(kms.decrypt(input).await?.plaintext.unwrap().0.to_vec())
}

async fn end(kms: &Client, key_id: &str) -> KeyState {
    let input = api_kms::ScheduleKeyDeletionRequest {
        key_id: key_id.into(),
        pending_window_in_days: Some(7),
    };
    kms.schedule_key_deletion(input).await.unwrap().key_state.unwrap()
}

#[tokio::test]
async fn a_key_ends_when_its_window_does_with_its_aliases() {
    let cloud = Cloud::new();
    let kms = cloud.client("us-east-1");
    let key = make(&kms, false).await;
    let alias =
        api_kms::CreateAliasRequest { alias_name: "alias/desk".into(), target_key_id: key.clone() };
    kms.create_alias(alias).await.unwrap();
    let blob = encrypt(&kms, &key).await;
    assert_eq!(end(&kms, &key).await, KeyState::PendingDeletion);
    cloud.clock.advance(6 * DAY);
    assert_eq!(describe(&kms, &key).await.unwrap().key_state, Some(KeyState::PendingDeletion));
    cloud.pass(DAY, || async { describe(&kms, &key).await.is_err() }).await;
    let gone = |fault: Fault| (fault.code.to_string(), fault.message);
    assert_eq!(
        gone(describe(&kms, &key).await.unwrap_err()),
        (
            "NotFoundException".into(),
            format!("Key 'arn:aws:kms:us-east-1:111122223333:key/{key}' does not exist")
        )
    );
    assert_eq!(describe(&kms, "alias/desk").await.unwrap_err().code, "NotFoundException");
    assert_eq!(decrypt(&kms, &blob).await.unwrap_err().code, "AccessDeniedException");
}

#[tokio::test]
async fn a_called_off_end_does_not_come() {
    let cloud = Cloud::new();
    let kms = cloud.client("us-east-1");
    let (key, other) = (make(&kms, false).await, make(&kms, false).await);
    end(&kms, &key).await;
    end(&kms, &other).await;
    let input = api_kms::CancelKeyDeletionRequest { key_id: key.clone() };
    kms.cancel_key_deletion(input).await.unwrap();
    cloud.pass(30 * DAY, || async { describe(&kms, &other).await.is_err() }).await;
    assert_eq!(describe(&kms, &key).await.unwrap().key_state, Some(KeyState::Disabled));
}

#[tokio::test]
async fn a_primary_key_waits_for_its_replicas() {
    let cloud = Cloud::new();
    let (here, there) = (cloud.client("us-east-1"), cloud.client("eu-west-1"));
    let key = make(&here, true).await;
    let input = api_kms::ReplicateKeyRequest {
        key_id: key.clone(),
        replica_region: "eu-west-1".into(),
        ..Default::default()
    };
    here.replicate_key(input).await.unwrap();
    let blob = encrypt(&there, &key).await;
    assert_eq!(end(&here, &key).await, KeyState::PendingReplicaDeletion);
    assert_eq!(end(&there, &key).await, KeyState::PendingDeletion);
    cloud.pass(7 * DAY, || async { describe(&there, &key).await.is_err() }).await;
    let state = describe(&here, &key).await.unwrap().key_state;
    assert_eq!(state, Some(KeyState::PendingDeletion));
    cloud.pass(7 * DAY, || async { describe(&here, &key).await.is_err() }).await;
    assert!(decrypt(&here, &blob).await.is_err());
}

#[tokio::test]
async fn rotation_comes_with_its_day_and_again() {
    let cloud = Cloud::new();
    let kms = cloud.client("us-east-1");
    let key = make(&kms, false).await;
    let input = api_kms::EnableKeyRotationRequest {
        key_id: key.clone(),
        rotation_period_in_days: Some(90),
    };
    kms.enable_key_rotation(input).await.unwrap();
    let mut blobs = vec![encrypt(&kms, &key).await];
    let current = || async { describe(&kms, &key).await.unwrap().current_key_material_id };
    for _ in 0..3 {
        let before = current().await;
        cloud.clock.advance(89 * DAY);
        assert_eq!(current().await, before);
        cloud.pass(DAY, || async { current().await != before }).await;
        blobs.push(encrypt(&kms, &key).await);
    }
    for blob in &blobs {
        assert_eq!(decrypt(&kms, blob).await.unwrap(), b"plain");
    }
    let input = api_kms::ListKeyRotationsRequest { key_id: key, ..Default::default() };
    let rotations = kms.list_key_rotations(input).await.unwrap().rotations.unwrap();
    let kinds: Vec<_> =
        rotations.iter().map(|r| r.rotation_type.as_ref().unwrap().as_str()).collect();
    assert_eq!(kinds, ["AUTOMATIC"; 3]);
}

#[tokio::test]
async fn usages_need_their_specs() {
    let cloud = Cloud::new();
    let kms = cloud.client("us-east-1");
    let input = api_kms::CreateKeyRequest {
        key_usage: Some(KeyUsageType::SignVerify),
        ..Default::default()
    };
    let fault = kms.create_key(input).await.unwrap_err();
    assert_eq!(
        fault.message,
        "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"
    );
}
