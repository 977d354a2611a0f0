//! Resources that requests name by their ARNs: tables and their streams.

use api_dynamodb::{Error, ResourceNotFoundException};
use kernel::{Arn, Ctx, Fault};
use store::ReadTx;

use crate::fault;
use crate::table::{self, TableRecord};

/// A table, or the stream of one.
pub(crate) struct Resource<'a> {
    pub arn: &'a str,
    /// As the ARN has it: `table/NAME` or `table/NAME/stream/LABEL`.
    pub path: String,
    /// The table's name.
    pub table: String,
    /// The stream's label.
    pub stream: Option<String>,
    /// Whether the operation is about resource policies, which says otherwise what is missing.
    of_policy: bool,
}

impl<'a> Resource<'a> {
    /// The resource that an operation names.
    pub fn parse(ctx: &Ctx, operation: &str, given: &'a str) -> Result<Resource<'a>, Error> {
        if !given.starts_with("arn:") {
            return Err(invalid(&format!(
                "Invalid TableArn: ARNs must start with 'arn:': {given}"
            )));
        }
        let unknown =
            || invalid(&format!("Invalid TableArn: Invalid ResourceArn provided as input {given}"));
        let arn = Arn::parse(given).map_err(|_| unknown())?;
        if arn.service != "dynamodb" || !kernel::is_account(&arn.account) {
            return Err(unknown());
        }
        let path = arn.resource.clone();
        let parts: Vec<&str> = path.split('/').collect();
        let (table, stream) = match parts[..] {
            ["table", table] => (table, None),
            ["table", table, "stream", label] if !label.is_empty() => (table, Some(label)),
            ["table", ..] => {
                return Err(invalid(&format!(
                    "One or more parameter values were invalid: Invalid resource arn provided, \
                     only table or stream is accepted. Provided resource arn: {given}"
                )));
            }
            _ => return Err(unknown()),
        };
        if table::name(ctx, table).is_err() {
            return Err(unknown());
        }
        if arn.account != ctx.account() {
            let fault = Fault::sender(
                "AccessDeniedException",
                format!(
                    "User: {} is not authorized to perform: dynamodb:{operation} on resource: \
                     {given}",
                    ctx.principal().arn()
                ),
            );
            return Err(fault.in_namespace("com.amazon.coral.service").into());
        }
        let of_policy = operation.ends_with("ResourcePolicy");
        let (table, stream) = (table.to_owned(), stream.map(str::to_owned));
        let resource = Resource { arn: given, path, table, stream, of_policy };
        if arn.region == ctx.region() { Ok(resource) } else { Err(resource.missing()) }
    }

    /// The table, if the resource is there.
    pub fn find(&self, ctx: &Ctx, tx: &ReadTx) -> Result<TableRecord, Error> {
        let table = table::find(ctx, tx, &self.table)?.ok_or_else(|| self.missing())?;
        match (&self.stream, &table.stream) {
            (None, _) => Ok(table),
            (Some(label), Some(stream)) if *label == stream.label => Ok(table),
            _ => Err(self.missing()),
        }
    }

    /// Refuses streams.
    ///
    /// # Errors
    /// If it is one.
    pub fn only_table(self, what: &str) -> Result<Resource<'a>, Error> {
        match self.stream {
            None => Ok(self),
            Some(_) => Err(Fault::not_implemented(what).into()),
        }
    }

    fn missing(&self) -> Error {
        if self.of_policy && self.stream.is_none() {
            return fault::no_such_table(&self.table);
        }
        let message = format!("Requested resource not found: ResourcArn: {} not found", self.arn);
        ResourceNotFoundException { message: Some(message) }.into()
    }
}

fn invalid(text: &str) -> Error {
    fault::validation(text).into()
}
