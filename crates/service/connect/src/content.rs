//! Contents of flows: checked, named by their SHA-256, kept once for each instance.

use crate::errors;
use crate::records::{CONTENTS, ContentRecord};
use api_connect::{Error, InvalidContactFlowException, ProblemDetail};
use flow::{Flow, Format, Problem, Problems};
use kernel::Ctx;
use sha2::{Digest, Sha256};
use store::{ReadTx, StoreError, WriteTx};

/// Refuses what cannot run, with every problem.
pub(crate) fn check_published(content: &str) -> Result<(), Error> {
    match flow::load(content) {
        Ok(flow) => check_format(&flow),
        Err(problems) => Err(invalid(problems)),
    }
}

/// The API takes the current format only; the console alone imports the older one.
fn check_format(flow: &Flow) -> Result<(), Error> {
    if flow.format() == Format::Current {
        return Ok(());
    }
    Err(invalid(Problems(vec![Problem {
        action: None,
        message: "Invalid Flow property name. Path: modules".to_owned(),
        detail: "this is the console's older export format".to_owned(),
    }])))
}

/// Refuses what is no JSON object: a saved flow is not checked further.
pub(crate) fn check_saved(content: &str) -> Result<(), Error> {
    let chars_max = flow::limits::TEXT_CHARS_MAX;
    if content.chars().count() > chars_max {
        let message = format!("Content must have at most {chars_max} characters");
        return Err(errors::invalid_parameter(message));
    }
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(content) {
        Ok(_) => Ok(()),
        Err(error) => Err(invalid(Problems(vec![Problem {
            action: None,
            message: "Invalid Flow".to_owned(),
            detail: format!("the flow is not a JSON object: {error}"),
        }]))),
    }
}

/// Connect's words, which name an action by its index, then its identifier and what is wrong.
fn invalid(problems: Problems) -> Error {
    let details = problems.0.into_iter().map(|problem| {
        let action = problem.action.map(|id| format!("action {id:?}: ")).unwrap_or_default();
        let message = format!("{} ({action}{})", problem.message, problem.detail);
        ProblemDetail { message: Some(message) }
    });
    InvalidContactFlowException { problems: Some(details.collect()) }.into()
}

/// SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256(text: &str) -> String {
    kernel::digest::hex(&Sha256::digest(text.as_bytes()))
}

/// Keeps `content` and says which it is.
pub(crate) fn keep(
    tx: &mut WriteTx,
    ctx: &Ctx,
    instance: &str,
    content: &str,
) -> Result<ContentRecord, StoreError> {
    let sha256 = sha256(content);
    let key = (ctx.account(), ctx.region(), instance, sha256.as_str());
    tx.put(&CONTENTS, key, &content.to_owned())?;
    Ok(ContentRecord { sha256, modified_ms: ctx.now().epoch_ms })
}

/// The content that was kept.
pub(crate) fn read(
    tx: &ReadTx,
    ctx: &Ctx,
    instance: &str,
    sha256: &str,
) -> Result<Option<String>, StoreError> {
    tx.get(&CONTENTS, (ctx.account(), ctx.region(), instance, sha256))
}
