//! `DeleteFunction`: the function, and its code if no other uses it.
//!
//! ```text
//! aws lambda delete-function --function-name desk
//! ```

use api_lambda::{DeleteFunctionRequest, DeleteFunctionResponse, Error};
use kernel::Ctx;
use store::Scan;

use crate::Lambda;
use crate::errors::invalid;
use crate::name::Name;
use crate::record::{CODE_USERS, FUNCTIONS, FunctionRecord};

pub(crate) async fn delete_function(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteFunctionRequest,
) -> Result<DeleteFunctionResponse, Error> {
    let name = Name::parse(ctx, &input.function_name, input.qualifier.as_deref())?;
    if name.qualifier.as_deref() == Some("$LATEST") {
        return Err(invalid("$LATEST version cannot be deleted without deleting the function."));
    }
    name.latest_only(ctx)?;
    let key = FunctionRecord::key(ctx, &name.function);
    let _alone = api.host.code.in_use.write().await;
    let unused = ctx
        .store()
        .write(|tx| {
            let Some(function) = tx.get(&FUNCTIONS, key.clone())? else {
                return Err(name.not_found(ctx));
            };
            tx.delete(&FUNCTIONS, key.clone())?;
            tx.delete(&CODE_USERS, (function.code.clone(), key.clone()))?;
            let users = tx.scan(&CODE_USERS, Scan::prefix(function.code.clone()).limit(1))?;
            Ok(users.is_empty().then_some(function.code))
        })
        .await?;
    api.pool.retire(ctx, &name.function);
    if let Some(code) = unused {
        api.host.code.remove(&code).await?;
    }
    Ok(DeleteFunctionResponse { status_code: Some(204) })
}
