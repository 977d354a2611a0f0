//! Tokens of any issuer, verified for tools on a developer's machine: authorizers of local APIs.

use kernel::Ctx;
use serde_json::{Map, Value};

use super::issuer::{Issuers, Provider};
use super::jwt;

/// How far the clocks of issuer and machine may differ for `nbf`, in seconds.
const SKEW_S: i64 = 300;

/// Verifies tokens; issuers' keys are kept for a while.
#[derive(Default)]
pub struct Tokens {
    issuers: Issuers,
}

impl Tokens {
    /// The claims of a token that the issuer (an address) has signed and that is valid now.
    ///
    /// # Errors
    /// Why it is refused, for people.
    pub async fn verified(
        &self,
        ctx: &Ctx,
        issuer: &str,
        token: &str,
    ) -> Result<Map<String, Value>, String> {
        let parsed = jwt::parse(token).map_err(|error| error.to_string())?;
        if parsed.claims.get("iss").and_then(Value::as_str) != Some(issuer) {
            return Err(format!("its issuer is not {issuer}"));
        }
        let provider = Provider {
            name: issuer.to_owned(),
            issuer: issuer.to_owned(),
            thumbprints: Vec::new(),
        };
        let verified = self.issuers.verify(ctx, &provider, &parsed).await;
        verified.map_err(|error| error.to_string())?;
        let now_s = ctx.now().epoch_ms.div_euclid(1000) as f64;
        let number = |name: &str| parsed.claims.get(name).and_then(Value::as_f64);
        if number("exp").is_none_or(|at| at <= now_s) {
            return Err("it has expired".into());
        }
        if number("nbf").is_some_and(|at| at > now_s + SKEW_S as f64) {
            return Err("it is not valid yet".into());
        }
        Ok(parsed.claims)
    }
}
