//! `ListLambdaFunctions`: the functions that the flows of an instance may invoke.
//!
//! ```text
//! aws connect list-lambda-functions --instance-id …
//! {"LambdaFunctions": ["arn:aws:lambda:ap-northeast-2:000000000000:function:flight-desk"]}
//! ```

use crate::records::FUNCTIONS;
use crate::{Connect, ids, page};
use api_connect::{Error, ListLambdaFunctionsRequest, ListLambdaFunctionsResponse};
use kernel::Ctx;
use store::{Part, Scan};

pub(crate) async fn list_lambda_functions(
    _: &Connect,
    ctx: &Ctx,
    input: ListLambdaFunctionsRequest,
) -> Result<ListLambdaFunctionsResponse, Error> {
    let instance = ids::instance_id(ctx, &input.instance_id)?;
    let found = ctx.store().read(|tx| {
        ids::instance(tx, ctx, &instance)?;
        let scope = (ctx.account(), ctx.region(), instance.as_str());
        Ok::<_, Error>(tx.scan(&FUNCTIONS, Scan::prefix(scope))?)
    })?;
    let arn = |key: store::Key| match key.parts()?.pop()? {
        Part::Text(arn) => Some(arn),
        _ => None,
    };
    let arns: Vec<String> = found.into_iter().filter_map(|(key, _)| arn(key)).collect();
    let list = format!("ListLambdaFunctions/{instance}");
    let size = page::size(input.max_results, 25);
    let token = input.next_token.as_deref();
    let (arns, next_token) = page::page(ctx, &list, arns, |arn| arn, token, size)?;
    Ok(ListLambdaFunctionsResponse { lambda_functions: Some(arns), next_token })
}
