//! From a name to what it means: a function, one of its versions, perhaps by an alias.

use std::sync::Arc;

use api_lambda::Error;
use kernel::Ctx;
use store::ReadTx;

use crate::name::Name;
use crate::record::version_key;
use crate::record::{ALIASES, Alias, FUNCTIONS, Function, FunctionRecord, LATEST, VERSIONS};

/// What a name means.
pub(crate) struct Resolved {
    /// As it was asked for: its ARN has the qualifier, if there was one.
    pub name: Name,
    /// What all versions share, and `$LATEST`.
    pub function: Function,
    /// The version.
    pub version: Arc<FunctionRecord>,
}

impl Resolved {
    /// The ARN as it was asked for.
    pub fn arn(&self) -> String {
        self.name.arn()
    }

    /// The service's own context, in the account that owns the function.
    pub fn owner(&self, ctx: &Ctx) -> Ctx {
        ctx.kernel().service_ctx("lambda.amazonaws.com", &self.name.account, &self.name.region)
    }
}

/// Finds what a name means. An alias means its first version.
pub(crate) fn resolve(ctx: &Ctx, name: &Name) -> Result<Resolved, Error> {
    ctx.store().read(|tx| resolve_in(tx, name, |alias| alias.version.clone()))
}

/// Finds what is to be invoked: an alias with weights chooses one of its versions at random.
pub(crate) fn route(ctx: &Ctx, name: &Name) -> Result<Resolved, Error> {
    let draw = || (ctx.random().u64() >> 11) as f64 / (1u64 << 53) as f64;
    ctx.store().read(|tx| resolve_in(tx, name, |alias| alias.choose(draw)))
}

fn resolve_in(
    tx: &ReadTx,
    name: &Name,
    choose: impl FnOnce(&Alias) -> String,
) -> Result<Resolved, Error> {
    let function = load(tx, name)?;
    let version = match name.qualifier.as_deref() {
        None | Some(LATEST) => LATEST.to_owned(),
        Some(text) if is_number(text) => text.to_owned(),
        Some(text) => {
            let alias = tx.get(&ALIASES, name.alias_key(text))?;
            choose(&alias.ok_or_else(|| name.not_found())?)
        }
    };
    let version = Arc::new(match version.as_str() {
        LATEST => function.latest.clone(),
        number => load_version(tx, name, number)?.ok_or_else(|| name.not_found())?,
    });
    Ok(Resolved { name: name.clone(), function, version })
}

/// The version that a name means, within a transaction; the first one of an alias.
pub(crate) fn resolve_tx(tx: &ReadTx, name: &Name) -> Result<Arc<FunctionRecord>, Error> {
    Ok(resolve_in(tx, name, |alias| alias.version.clone())?.version)
}

/// The function; what the qualifier names need not be there.
pub(crate) fn load(tx: &ReadTx, name: &Name) -> Result<Function, Error> {
    tx.get(&FUNCTIONS, name.key())?.ok_or_else(|| name.not_found())
}

/// A published version by its number.
pub(crate) fn load_version(
    tx: &ReadTx,
    name: &Name,
    number: &str,
) -> Result<Option<FunctionRecord>, Error> {
    match version_key(name.key(), number) {
        Some(key) => Ok(tx.get(&VERSIONS, key)?),
        None => Ok(None),
    }
}

/// Whether a qualifier names a version rather than an alias.
pub(crate) fn is_number(qualifier: &str) -> bool {
    !qualifier.is_empty() && qualifier.bytes().all(|byte| byte.is_ascii_digit())
}

impl Alias {
    /// The version for one invocation; `draw` gives a number from 0 to below 1.
    pub fn choose(&self, draw: impl FnOnce() -> f64) -> String {
        match &self.other {
            Some((other, weight)) if draw() < *weight => other.clone(),
            _ => self.version.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_choose() {
        let check = |weight: f64, drawn: f64, expected: &str| {
            let alias = Alias {
                name: "live".into(),
                version: "1".into(),
                description: String::new(),
                other: Some(("2".into(), weight)),
                revision: String::new(),
            };
            assert_eq!(alias.choose(|| drawn), expected, "{weight} {drawn}");
        };
        check(0.0, 0.0, "1");
        check(1.0, 0.999_999, "2");
        check(0.25, 0.2, "2");
        check(0.25, 0.25, "1");
    }
}
