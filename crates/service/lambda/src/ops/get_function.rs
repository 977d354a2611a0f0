//! `GetFunction`: settings, tags, and a link to the code.
//!
//! ```text
//! aws lambda get-function --function-name desk
//! {"Configuration": {…}, "Code": {"RepositoryType": "S3", "Location": "http://…"}}
//! ```

use api_lambda::{Error, FunctionCodeLocation, GetFunctionRequest, GetFunctionResponse};
use kernel::Ctx;

use crate::Lambda;
use crate::name::Name;
use crate::record::FunctionRecord;

pub(crate) async fn get_function(
    api: &Lambda,
    ctx: &Ctx,
    input: GetFunctionRequest,
) -> Result<GetFunctionResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    name.latest_only(ctx)?;
    let function = FunctionRecord::load(ctx, &name)?;
    let code = FunctionCodeLocation {
        repository_type: Some("S3".into()),
        location: Some(api.host.location(ctx, &function.code)?),
        ..Default::default()
    };
    let tags = (!function.tags.is_empty()).then(|| function.tags.clone());
    let configuration = Some(function.configuration(ctx, name.arn(ctx))?);
    Ok(GetFunctionResponse { configuration, code: Some(code), tags, ..Default::default() })
}
