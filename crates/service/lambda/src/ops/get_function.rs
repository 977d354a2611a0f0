//! `GetFunction`: settings, tags, and a link to the code.
//!
//! ```text
//! aws lambda get-function --function-name desk
//! {"Configuration": {…}, "Code": {"RepositoryType": "S3", "Location": "http://…"}}
//! ```

use api_lambda::{
    Concurrency, Error, FunctionCodeLocation, GetFunctionRequest, GetFunctionResponse,
};
use kernel::Ctx;

use crate::Lambda;
use crate::name::Name;
use crate::resolve::resolve;

pub(crate) async fn get_function(
    api: &Lambda,
    ctx: &Ctx,
    input: GetFunctionRequest,
) -> Result<GetFunctionResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let found = resolve(ctx, &name)?;
    let code = match &found.version.image {
        Some(image) => FunctionCodeLocation {
            repository_type: Some("ECR".into()),
            image_uri: Some(image.uri.clone()),
            resolved_image_uri: Some(image.resolved(&found.version.code)),
            ..Default::default()
        },
        None => FunctionCodeLocation {
            repository_type: Some("S3".into()),
            location: Some(api.host.location(ctx, &found.version.code)?),
            ..Default::default()
        },
    };
    let concurrency =
        (found.function.reserved).map(|n| Concurrency { reserved_concurrent_executions: Some(n) });
    let tags = Some(found.function.tags.clone()).filter(|tags| !tags.is_empty());
    let configuration = Some(found.version.configuration(ctx, found.arn()).await?);
    Ok(GetFunctionResponse {
        configuration,
        code: Some(code),
        tags,
        concurrency,
        ..Default::default()
    })
}
