//! `GetFunctionConfiguration`: the settings alone.
//!
//! ```text
//! aws lambda get-function-configuration --function-name desk
//! ```

use api_lambda::{Error, FunctionConfiguration, GetFunctionConfigurationRequest};
use kernel::Ctx;

use crate::Lambda;
use crate::name::Name;
use crate::resolve::resolve;

pub(crate) async fn get_function_configuration(
    _: &Lambda,
    ctx: &Ctx,
    input: GetFunctionConfigurationRequest,
) -> Result<FunctionConfiguration, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    let found = resolve(ctx, &name)?;
    found.version.configuration(ctx, found.arn()).await
}
