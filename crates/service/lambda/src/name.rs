//! The forms in which a function can be named.
//!
//! `desk`, `desk:$LATEST`, `123456789012:function:desk`, `123456789012:desk`, and whole ARNs.
//! The model's pattern has already been checked when these functions run.

use api_lambda::Error;
use kernel::{Ctx, Fault, Principal};

use crate::errors::{invalid, not_found};
use crate::record::{FunctionKey, LATEST};

/// The longest name of a function; longer texts are ARNs.
const NAME_LENGTH_MAX: usize = 64;

/// A function, and perhaps one of its versions or aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub account: String,
    pub region: String,
    pub function: String,
    pub qualifier: Option<String>,
}

impl Name {
    /// Parses `text`, which may carry a qualifier that must agree with the separate one.
    pub fn parse(ctx: &Ctx, text: &str, separate: Option<&str>) -> Result<Name, Error> {
        let name = Name::parse_any(ctx, text, separate)?;
        if name.account == ctx.account() || is_judged(ctx) {
            return Ok(name);
        }
        // Nobody has asked the policy of the other account's function.
        let who = ctx.principal().arn();
        let message = format!("User: {who} is not authorized to access the function {text}");
        Err(Fault::new("AccessDeniedException", 403, message).into())
    }

    /// As [`Name::parse`], also of functions of other accounts: the caller sees to it that their
    /// policies are asked.
    pub fn parse_any(ctx: &Ctx, text: &str, separate: Option<&str>) -> Result<Name, Error> {
        let parts: Vec<&str> = text.split(':').collect();
        let Some(Parts { region, account, function, qualifier: inner }) = Parts::of(&parts) else {
            return Err(bad_name(text));
        };
        if let Some(region) = region.filter(|region| *region != ctx.region()) {
            let here = ctx.region();
            return Err(not_found(format!(
                "Functions from '{region}' are not reachable in this region ('{here}')"
            )));
        }
        let qualifier = match (inner, separate) {
            (Some(a), Some(b)) if a != b => {
                return Err(invalid(
                    "The derived qualifier from the function name does not match the specified \
                     qualifier.",
                ));
            }
            (a, b) => a.or(b).map(str::to_owned),
        };
        let account = account.unwrap_or(ctx.account()).to_owned();
        Ok(Name { account, qualifier, ..Name::of(ctx, function) })
    }

    /// What a request names, as far as it can be read.
    pub fn read(ctx: &Ctx, text: &str, separate: Option<&str>) -> Option<Name> {
        let parts: Vec<&str> = text.split(':').collect();
        let Parts { region, account, function, qualifier } = Parts::of(&parts)?;
        Some(Name {
            account: account.unwrap_or(ctx.account()).to_owned(),
            region: region.unwrap_or(ctx.region()).to_owned(),
            function: function.to_owned(),
            qualifier: qualifier.or(separate).map(str::to_owned),
        })
    }

    /// From a whole ARN.
    pub fn of_arn(arn: &str) -> Option<Name> {
        let parts: Vec<&str> = arn.split(':').collect();
        let Parts { region, account, function, qualifier } = Parts::of(&parts)?;
        Some(Name {
            account: account?.to_owned(),
            region: region?.to_owned(),
            function: function.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }

    /// A function of the caller's account and region.
    pub fn of(ctx: &Ctx, function: &str) -> Name {
        Name {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            function: function.to_owned(),
            qualifier: None,
        }
    }

    /// Parses the name of a function as a whole; a qualifier is refused.
    pub fn whole(ctx: &Ctx, text: &str) -> Result<Name, Error> {
        let name = Name::parse(ctx, text, None)?;
        match name.qualifier.as_deref() {
            None | Some(LATEST) => Ok(Name { qualifier: None, ..name }),
            Some(_) => Err(invalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do \
                 not support this operation. Please specify either a function name or an \
                 unqualified function ARN.",
            )),
        }
    }

    /// The same with a qualifier.
    pub fn qualified(&self, qualifier: &str) -> Name {
        Name { qualifier: Some(qualifier.to_owned()), ..self.clone() }
    }

    /// Where the function lies.
    pub fn key(&self) -> FunctionKey {
        (self.account.clone(), self.region.clone(), self.function.clone())
    }

    /// Where an alias of the function lies.
    pub fn alias_key(&self, alias: &str) -> (FunctionKey, String) {
        (self.key(), alias.to_owned())
    }

    /// The ARN, with the qualifier if one was given.
    pub fn arn(&self) -> String {
        let Name { account, region, function, qualifier } = self;
        let arn = format!("arn:aws:lambda:{region}:{account}:function:{function}");
        match qualifier {
            Some(qualifier) => format!("{arn}:{qualifier}"),
            None => arn,
        }
    }

    /// `Function not found: ARN`.
    pub fn not_found(&self) -> Error {
        not_found(format!("Function not found: {}", self.arn()))
    }
}

/// The parts of a name; what is absent is the caller's.
struct Parts<'a> {
    region: Option<&'a str>,
    account: Option<&'a str>,
    function: &'a str,
    qualifier: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(parts: &[&'a str]) -> Option<Parts<'a>> {
        let (region, account, rest) = match parts {
            ["arn", _, "lambda", region, account, "function", rest @ ..] => {
                (Some(*region), Some(*account), rest)
            }
            [region, account, "function", rest @ ..] if kernel::is_account(account) => {
                (Some(*region), Some(*account), rest)
            }
            [account, "function", rest @ ..] if kernel::is_account(account) => {
                (None, Some(*account), rest)
            }
            ["function", rest @ ..] if !rest.is_empty() => (None, None, rest),
            [account, rest @ ..] if kernel::is_account(account) && !rest.is_empty() => {
                (None, Some(*account), rest)
            }
            rest => (None, None, rest),
        };
        let (function, qualifier) = match rest {
            [function] => (*function, None),
            [function, qualifier] => (*function, Some(*qualifier)),
            _ => return None,
        };
        let fits = !function.is_empty() && function.len() <= NAME_LENGTH_MAX;
        fits.then_some(Parts { region, account, function, qualifier })
    }
}

/// Whether the kernel has asked policies about this caller, also those of other accounts'
/// resources.
fn is_judged(ctx: &Ctx) -> bool {
    matches!(
        ctx.principal(),
        Principal::User(_) | Principal::AssumedRole(_) | Principal::FederatedUser(_)
    )
}

fn bad_name(text: &str) -> Error {
    let message = format!(
        "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy \
         constraint: Member must have length less than or equal to {NAME_LENGTH_MAX}"
    );
    Fault::sender("ValidationException", message).into()
}

#[cfg(test)]
mod tests {
    use kernel::{Config, Kernel};

    use super::*;

    fn check(text: &str, separate: Option<&str>, expected: &str) {
        let kernel = Kernel::new(Config::memory());
        let principal = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "eu-west-1", principal, "request".into());
        let found = match Name::parse(&ctx, text, separate) {
            Ok(name) => name.arn(),
            Err(error) => Fault::from(error).to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn all_forms() {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:desk";
        let qualified = &format!("{arn}:$LATEST");
        check("desk", None, arn);
        check("desk:$LATEST", None, qualified);
        check("desk", Some("$LATEST"), qualified);
        check("function:desk", None, arn);
        check("111122223333:desk", None, arn);
        check("111122223333:function:desk:$LATEST", Some("$LATEST"), qualified);
        check("eu-west-1:111122223333:function:desk", None, arn);
        check(arn, None, arn);
    }

    #[test]
    fn others_functions() {
        check(
            "arn:aws:lambda:us-east-1:111122223333:function:desk",
            None,
            "ResourceNotFoundException: Functions from 'us-east-1' are not reachable in this \
             region ('eu-west-1')",
        );
        check(
            "desk:1",
            Some("2"),
            "InvalidParameterValueException: The derived qualifier from the function name does \
             not match the specified qualifier.",
        );
    }
}
