//! A function's settings as the API shows them.

use api_lambda::{
    Architecture, DeadLetterConfig, EphemeralStorage, Error, FunctionConfiguration,
    LastUpdateStatus, PackageType, Runtime, SnapStartApplyOn, SnapStartOptimizationStatus,
    SnapStartResponse, State, StateReasonCode, TracingConfigResponse, TracingMode,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, Timestamp};

use crate::images::ImageUse;
use crate::layers::LayerUse;
use crate::record::{FunctionRecord, Unsnapped};
use crate::variables;

impl FunctionRecord {
    /// The API's view. `arn` is the function's ARN as the caller asked for it.
    pub async fn configuration(
        &self,
        ctx: &Ctx,
        arn: String,
    ) -> Result<FunctionConfiguration, Error> {
        let environment = variables::seen(ctx, self).await?;
        let mode = if self.traced { TracingMode::Active } else { TracingMode::PassThrough };
        let dead_letters =
            (self.dead_letters.clone()).map(|arn| DeadLetterConfig { target_arn: Some(arn) });
        let (state, reason, reason_code) = self.state();
        let (state, status) = (
            state,
            if self.settled || !self.active {
                LastUpdateStatus::Successful
            } else {
                LastUpdateStatus::InProgress
            },
        );
        Ok(FunctionConfiguration {
            function_name: Some(self.name.clone()),
            function_arn: Some(arn),
            runtime: self.image.is_none().then(|| Runtime::from(self.runtime.as_str())),
            role: Some(self.role.clone()),
            handler: self.image.is_none().then(|| self.handler.clone()),
            code_size: Some(self.code_bytes),
            description: Some(self.description.clone()),
            timeout: Some(self.timeout_seconds),
            memory_size: Some(self.memory_mb),
            last_modified: Some(
                Timestamp::from_ms(self.modified_ms).civil("%Y-%m-%dT%H:%M:%S%.3f+0000"),
            ),
            code_sha256: Some(match self.image {
                // The digest itself.
                Some(_) => self.code.clone(),
                None => code_sha256(&self.code),
            }),
            version: Some(self.version.clone()),
            environment,
            kms_key_arn: self.kms_key.clone(),
            dead_letter_config: dead_letters,
            layers: (!self.layers.is_empty())
                .then(|| self.layers.iter().map(LayerUse::shown).collect()),
            tracing_config: Some(TracingConfigResponse { mode: Some(mode) }),
            revision_id: Some(self.revision.clone()),
            state: Some(state),
            state_reason: reason,
            state_reason_code: reason_code,
            last_update_status: Some(status),
            package_type: Some(if self.image.is_some() {
                PackageType::Image
            } else {
                PackageType::Zip
            }),
            image_config_response: self.image.as_ref().and_then(ImageUse::shown),
            architectures: Some(vec![Architecture::from(self.architecture.as_str())]),
            ephemeral_storage: Some(EphemeralStorage { size: self.tmp_mb }),
            snap_start: Some(self.snap_start_shown()),
            logging_config: Some(self.logging_config()),
            ..Default::default()
        })
    }
}

impl FunctionRecord {
    /// The state, its reason and the reason's code.
    fn state(&self) -> (State, Option<String>, Option<StateReasonCode>) {
        if self.active {
            return (State::Active, None, None);
        }
        let (state, reason, code) = match &self.unsnapped {
            None => (State::Pending, "The function is being created.", StateReasonCode::Creating),
            Some(Unsnapped::Again) => {
                (State::Pending, "The function is being restored.", StateReasonCode::Restoring)
            }
            Some(Unsnapped::Idle) => {
                (State::Inactive, "The function is idle.", StateReasonCode::Idle)
            }
            Some(Unsnapped::Failed(why)) => {
                (State::Failed, why.as_str(), StateReasonCode::FunctionError)
            }
        };
        (state, Some(reason.to_owned()), Some(code))
    }

    fn snap_start_shown(&self) -> SnapStartResponse {
        let on = self.snaps() && self.active;
        SnapStartResponse {
            apply_on: Some(match self.snap_start {
                true => SnapStartApplyOn::PublishedVersions,
                false => SnapStartApplyOn::None,
            }),
            optimization_status: Some(match on {
                true => SnapStartOptimizationStatus::On,
                false => SnapStartOptimizationStatus::Off,
            }),
        }
    }
}

/// `CodeSha256`: base64 of the hash whose hexadecimal digits name the blob.
pub(crate) fn code_sha256(hex: &str) -> String {
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    BASE64.encode(bytes.unwrap_or_default())
}
