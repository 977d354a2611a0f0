//! What is stored about a function.

use std::collections::BTreeMap;

use api_lambda::{
    Architecture, EnvironmentResponse, EphemeralStorage, Error, FunctionConfiguration,
    LastUpdateStatus, LogFormat, LoggingConfig, PackageType, Runtime, SnapStartApplyOn,
    SnapStartOptimizationStatus, SnapStartResponse, State, StateReasonCode, TracingConfigResponse,
    TracingMode,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use kernel::{Ctx, Fault, Sealer, Timestamp};
use serde::{Deserialize, Serialize};
use store::Table;

use crate::name::Name;

/// Functions by account, region and name.
pub(crate) const FUNCTIONS: Table<FunctionRecord> = Table::new("lambda/function");
/// Which functions use a blob: blob id, account, region, name.
pub(crate) const CODE_USERS: Table<()> = Table::new("lambda/code-user");
/// The durable task that ends `Pending` and `InProgress`.
pub(crate) const SETTLE: &str = "lambda/settle";

pub(crate) const ENVIRONMENT: &str = "lambda-environment";

/// One function, `$LATEST`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    pub name: String,
    pub runtime: String,
    pub handler: String,
    pub role: String,
    pub description: String,
    pub timeout_seconds: i32,
    pub memory_mb: i32,
    pub tmp_mb: i32,
    /// The variables as JSON, sealed, in base64. Never readable in the store.
    pub environment: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub architecture: String,
    pub log_group: Option<String>,
    /// SHA-256 of the zip file in hexadecimal: the blob's id.
    pub code: String,
    pub code_bytes: i64,
    pub revision: String,
    pub modified_ms: i64,
    /// False while it is `Pending`.
    pub active: bool,
    /// False while an update is `InProgress`.
    pub settled: bool,
}

/// The payload of [`SETTLE`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Settle {
    pub account: String,
    pub region: String,
    pub name: String,
    pub revision: String,
}

impl FunctionRecord {
    /// Where the record lies.
    pub fn key(ctx: &Ctx, name: &str) -> (String, String, String) {
        (ctx.account().to_owned(), ctx.region().to_owned(), name.to_owned())
    }

    /// Reads a function.
    pub fn load(ctx: &Ctx, name: &Name) -> Result<FunctionRecord, Error> {
        let found = ctx.store().read(|tx| tx.get(&FUNCTIONS, Self::key(ctx, &name.function)))?;
        found.ok_or_else(|| name.not_found(ctx))
    }

    /// Stores the variables, sealed.
    pub fn seal_environment(
        sealer: &Sealer,
        variables: &BTreeMap<String, String>,
    ) -> Option<String> {
        if variables.is_empty() {
            return None;
        }
        let plain = serde_json::to_vec(variables).unwrap_or_default();
        Some(BASE64.encode(sealer.seal(ENVIRONMENT, &plain)))
    }

    /// The variables.
    pub fn environment(&self, sealer: &Sealer) -> Result<BTreeMap<String, String>, Fault> {
        let Some(sealed) = &self.environment else { return Ok(BTreeMap::new()) };
        let sealed = BASE64.decode(sealed).map_err(Fault::internal)?;
        let plain = sealer.open_sealed(ENVIRONMENT, &sealed).map_err(Fault::internal)?;
        serde_json::from_slice(&plain).map_err(Fault::internal)
    }

    /// Notes a change at `now` under a new revision.
    pub fn touch(&mut self, ctx: &Ctx) {
        self.modified_ms = ctx.now().epoch_ms;
        self.revision = ctx.random().uuid();
        self.settled = false;
    }

    /// The group its logs go to.
    pub fn log_group(&self) -> String {
        self.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", self.name))
    }

    /// The API's view. `arn` is the function's ARN as the caller asked for it.
    pub fn configuration(&self, ctx: &Ctx, arn: String) -> Result<FunctionConfiguration, Error> {
        let variables = self.environment(ctx.kernel().sealer())?;
        let environment = (!variables.is_empty())
            .then_some(EnvironmentResponse { variables: Some(variables), error: None });
        let pending = |text: &str| (!self.active).then(|| text.to_owned());
        let (state, status) = (
            if self.active { State::Active } else { State::Pending },
            if self.settled || !self.active {
                LastUpdateStatus::Successful
            } else {
                LastUpdateStatus::InProgress
            },
        );
        Ok(FunctionConfiguration {
            function_name: Some(self.name.clone()),
            function_arn: Some(arn),
            runtime: Some(Runtime::from(self.runtime.as_str())),
            role: Some(self.role.clone()),
            handler: Some(self.handler.clone()),
            code_size: Some(self.code_bytes),
            description: Some(self.description.clone()),
            timeout: Some(self.timeout_seconds),
            memory_size: Some(self.memory_mb),
            last_modified: Some(
                Timestamp::from_ms(self.modified_ms).civil("%Y-%m-%dT%H:%M:%S%.3f+0000"),
            ),
            code_sha256: Some(code_sha256(&self.code)),
            version: Some("$LATEST".into()),
            environment,
            tracing_config: Some(TracingConfigResponse { mode: Some(TracingMode::PassThrough) }),
            revision_id: Some(self.revision.clone()),
            state: Some(state),
            state_reason: pending("The function is being created."),
            state_reason_code: (!self.active).then_some(StateReasonCode::Creating),
            last_update_status: Some(status),
            package_type: Some(PackageType::Zip),
            architectures: Some(vec![Architecture::from(self.architecture.as_str())]),
            ephemeral_storage: Some(EphemeralStorage { size: self.tmp_mb }),
            snap_start: Some(SnapStartResponse {
                apply_on: Some(SnapStartApplyOn::None),
                optimization_status: Some(SnapStartOptimizationStatus::Off),
            }),
            logging_config: Some(LoggingConfig {
                log_format: Some(LogFormat::Text),
                log_group: Some(self.log_group()),
                ..Default::default()
            }),
            ..Default::default()
        })
    }
}

/// `CodeSha256`: base64 of the hash whose hexadecimal digits name the blob.
fn code_sha256(hex: &str) -> String {
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    BASE64.encode(bytes.unwrap_or_default())
}
