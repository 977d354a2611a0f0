//! `PutFunctionConcurrency`, `GetFunctionConcurrency`, `DeleteFunctionConcurrency`.
//!
//! ```text
//! aws lambda put-function-concurrency --function-name desk --reserved-concurrent-executions 5
//! {"ReservedConcurrentExecutions": 5}
//! ```

use api_lambda::{
    Concurrency, DeleteFunctionConcurrencyOutput, DeleteFunctionConcurrencyRequest, Error,
    GetFunctionConcurrencyRequest, GetFunctionConcurrencyResponse, PutFunctionConcurrencyRequest,
};
use kernel::Ctx;

use crate::concurrency::{ACCOUNT_MAX, UNRESERVED_MIN};
use crate::errors::invalid;
use crate::name::Name;
use crate::record::FUNCTIONS;
use crate::{Lambda, concurrency, resolve};

pub(crate) async fn put_function_concurrency(
    _: &Lambda,
    ctx: &Ctx,
    input: PutFunctionConcurrencyRequest,
) -> Result<Concurrency, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let reserved = Some(input.reserved_concurrent_executions);
    set(ctx, &name, reserved).await?;
    Ok(Concurrency { reserved_concurrent_executions: reserved })
}

pub(crate) async fn get_function_concurrency(
    _: &Lambda,
    ctx: &Ctx,
    input: GetFunctionConcurrencyRequest,
) -> Result<GetFunctionConcurrencyResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let reserved_concurrent_executions = ctx.store().read(|tx| resolve::load(tx, &name))?.reserved;
    Ok(GetFunctionConcurrencyResponse { reserved_concurrent_executions })
}

pub(crate) async fn delete_function_concurrency(
    _: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionConcurrencyRequest,
) -> Result<DeleteFunctionConcurrencyOutput, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    set(ctx, &name, None).await?;
    Ok(DeleteFunctionConcurrencyOutput {})
}

async fn set(ctx: &Ctx, name: &Name, reserved: Option<i32>) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let mut function = resolve::load(tx, name)?;
            let all = concurrency::change(tx, name, function.reserved, reserved)?;
            if reserved > function.reserved && ACCOUNT_MAX - all < UNRESERVED_MIN {
                return Err(invalid(format!(
                    "Specified ReservedConcurrentExecutions for function decreases account's \
                     UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
                )));
            }
            function.reserved = reserved;
            Ok::<_, Error>(tx.put(&FUNCTIONS, name.key(), &function)?)
        })
        .await
}
