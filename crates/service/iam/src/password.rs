//! Passwords: what a policy demands of them, and how they are kept.

use std::num::NonZeroU32;

use kernel::{Ctx, Fault};
use ring::pbkdf2;

use crate::access;
use crate::error::Result;
use crate::record::{LoginRecord, PasswordRules};

/// Rounds of PBKDF2 with HMAC-SHA512, as OWASP's cheat sheet of 2023 has it.
const ROUNDS: NonZeroU32 = NonZeroU32::new(210_000).expect("not zero");
const ALGORITHM: pbkdf2::Algorithm = pbkdf2::PBKDF2_HMAC_SHA512;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 64;
/// Former passwords that are kept: the most a policy can forbid.
pub(crate) const FORMER_MAX: usize = 24;

/// Characters that count as symbols.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";

/// What AWS demands as long as nobody sets a policy.
pub(crate) fn default_rules() -> PasswordRules {
    PasswordRules {
        length_min: 8,
        symbols: false,
        numbers: false,
        upper: false,
        lower: false,
        own_change: false,
        age_days_max: None,
        reuse: None,
        hard_expiry: None,
    }
}

/// Refuses a password that the policy does not allow.
pub(crate) fn check(rules: Option<&PasswordRules>, password: &str) -> Result<()> {
    let default = default_rules();
    let set = rules.unwrap_or(&default);
    let has = |wanted: fn(char) -> bool| password.chars().any(wanted);
    let kinds = [
        has(|c| c.is_ascii_uppercase()),
        has(|c| c.is_ascii_lowercase()),
        has(|c| c.is_ascii_digit()),
        has(|c| SYMBOLS.contains(c)),
    ];
    // Without a policy three kinds of four are demanded.
    let mixed = rules.is_some() || kinds.iter().filter(|has| **has).count() >= 3;
    let problem = if password.chars().count() < set.length_min.max(0) as usize {
        format!("Password should have a minimum length of {}", set.length_min)
    } else if set.upper && !kinds[0] {
        "Password should have at least one uppercase letter".to_owned()
    } else if set.lower && !kinds[1] {
        "Password should have at least one lowercase letter".to_owned()
    } else if set.numbers && !kinds[2] {
        "Password should have at least one number".to_owned()
    } else if set.symbols && !kinds[3] {
        format!("Password should have at least one symbol from {SYMBOLS}")
    } else if !mixed {
        "Password should have at least three of: uppercase letters, lowercase letters, numbers, \
         symbols"
            .to_owned()
    } else {
        return Ok(());
    };
    Err(violation(problem).into())
}

fn violation(message: impl Into<String>) -> Fault {
    Fault::sender("PasswordPolicyViolation", message)
}

/// Refuses a password that was used lately.
pub(crate) async fn check_reuse(
    ctx: &Ctx,
    user_id: &str,
    rules: Option<&PasswordRules>,
    login: &LoginRecord,
    password: &str,
) -> Result<()> {
    let forbidden = rules.and_then(|rules| rules.reuse).unwrap_or(0).max(0) as usize;
    let used = std::iter::once(&login.hash).chain(&login.former).take(forbidden);
    for hash in used {
        if is(ctx, user_id, hash, password).await? {
            return Err(violation("Password should not be one that was used before").into());
        }
    }
    Ok(())
}

/// Salt and hash, sealed.
pub(crate) async fn hashed(ctx: &Ctx, user_id: &str, password: &str) -> Result<String> {
    let mut salt = [0; SALT_BYTES];
    ctx.random().fill(&mut salt);
    let password = password.to_owned();
    let salted = slowly(move || {
        let mut hash = [0; HASH_BYTES];
        pbkdf2::derive(ALGORITHM, ROUNDS, &salt, password.as_bytes(), &mut hash);
        [&salt[..], &hash].concat()
    })
    .await?;
    Ok(access::sealed(ctx.kernel().sealer(), "password", user_id, &salted))
}

/// Is this the password?
pub(crate) async fn is(ctx: &Ctx, user_id: &str, hash: &str, password: &str) -> Result<bool> {
    let Ok(salted) = access::opened(ctx.kernel().sealer(), "password", user_id, hash) else {
        return Ok(false);
    };
    let password = password.to_owned();
    slowly(move || {
        let Some((salt, hash)) = salted.split_at_checked(SALT_BYTES) else { return false };
        pbkdf2::verify(ALGORITHM, ROUNDS, salt, password.as_bytes(), hash).is_ok()
    })
    .await
}

/// Runs what is slow on purpose beside the threads that serve requests.
async fn slowly<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(Fault::internal)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        let problem = |rules: Option<&PasswordRules>, password: &str| {
            check(rules, password).err().map(|e| Fault::from(e).message)
        };
        assert_eq!(problem(None, "Abcdefg1"), None);
        assert!(problem(None, "abcdefgh").unwrap().contains("at least three of"));
        assert!(problem(None, "Abc1").unwrap().contains("minimum length of 8"));
        let strict = PasswordRules { symbols: true, length_min: 6, ..default_rules() };
        assert!(problem(Some(&strict), "abcdef").unwrap().contains("symbol"));
        assert_eq!(problem(Some(&strict), "abcde!"), None);
    }
}
