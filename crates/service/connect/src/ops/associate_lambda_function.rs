//! `AssociateLambdaFunction`: lets the flows of an instance invoke a function.
//!
//! ```text
//! aws connect associate-lambda-function --instance-id … \
//!     --function-arn arn:aws:lambda:ap-northeast-2:000000000000:function:flight-desk
//! ```

use api_lambda::AddPermissionRequest;

use crate::records::{FUNCTIONS, FunctionRecord};
use crate::{Connect, errors, ids};
use api_connect::{
    AssociateLambdaFunctionOutput, AssociateLambdaFunctionRequest, Error, ResourceConflictException,
};
use kernel::{Arn, Ctx, Fault};

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
    ctx.store().read(|tx| ids::instance(tx, ctx, &instance))?;
    permit(ctx, &instance, arn).await?;
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

/// Says in the function's policy, in the caller's name, that the instance may invoke it. Without
/// the function there is nothing to say it in; then its owner has to, once it is there.
async fn permit(ctx: &Ctx, instance: &str, function: &str) -> Result<(), Fault> {
    let request = AddPermissionRequest {
        function_name: function.to_owned(),
        statement_id: format!("connect-{instance}"),
        action: "lambda:InvokeFunction".to_owned(),
        principal: "connect.amazonaws.com".to_owned(),
        source_arn: Some(ids::instance_arn(ctx, instance)),
        source_account: Some(ctx.account().to_owned()),
        ..AddPermissionRequest::default()
    };
    let lambda = ctx.via("connect.amazonaws.com").client::<api_lambda::Client>();
    match lambda.add_permission(request).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status == 404 || fault.status == 409 => Ok(()),
        Err(fault) => Err(fault),
    }
}
