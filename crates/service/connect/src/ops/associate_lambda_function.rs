//! `AssociateLambdaFunction`: lets the flows of an instance invoke a function.
//!
//! ```text
//! aws connect associate-lambda-function --instance-id … \
//!     --function-arn arn:aws:lambda:ap-northeast-2:000000000000:function:flight-desk
//! ```

use crate::records::{FUNCTIONS, FunctionRecord};
use crate::{Connect, errors, ids};
use api_connect::{
    AssociateLambdaFunctionOutput, AssociateLambdaFunctionRequest, Error, ResourceConflictException,
};
use kernel::{Arn, Ctx};

pub(crate) async fn associate_lambda_function(
    _: &Connect,
    ctx: &Ctx,
    input: AssociateLambdaFunctionRequest,
) -> Result<AssociateLambdaFunctionOutput, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let arn = input.function_arn.as_str();
    let is_function = Arn::parse(arn)
        .is_ok_and(|arn| arn.service == "lambda" && arn.resource.starts_with("function:"));
    if !is_function {
        return Err(errors::invalid_request(format!("Invalid Lambda function ARN: {arn}")));
    }
    ctx.store()
        .write(|tx| {
            ids::instance(tx, ctx, &instance)?;
            let key = (ctx.account(), ctx.region(), instance.as_str(), arn);
            if tx.contains(&FUNCTIONS, key)? {
                let message = Some("The Lambda function is already associated".to_owned());
                return Err(ResourceConflictException { message }.into());
            }
            Ok::<_, Error>(tx.put(&FUNCTIONS, key, &FunctionRecord {})?)
        })
        .await?;
    Ok(AssociateLambdaFunctionOutput {})
}
