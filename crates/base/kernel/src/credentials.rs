//! Access keys: which exist, and the minting of temporary ones.
//!
//! Temporary credentials are not stored. The session token is a sealed statement of who it is for
//! and until when; the secret key is derived from the installation key and the token. So they
//! survive a restart, cost no write, and cannot be forged.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use shape::Timestamp;

use crate::{Principal, Random, Sealer};

/// The access key id and secret that work without set-up while bound to loopback.
const TEST: &str = "test";
const PURPOSE: &str = "session-token";

/// What the gateway needs to check a signature.
#[derive(Clone)]
pub struct AccessKey {
    /// The secret; signatures are made with it, it is never sent.
    pub secret: String,
    /// Who the key speaks for.
    pub principal: Principal,
}

/// Temporary credentials.
#[derive(Clone)]
pub struct SessionCredentials {
    /// `ASIA…`.
    pub access_key_id: String,
    /// 40 characters.
    pub secret_access_key: String,
    /// To be sent along, `X-Amz-Security-Token`.
    pub session_token: String,
    /// After this they are refused.
    pub expiration: Timestamp,
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsError {
    /// No such access key id, or the session token is missing, forged or another key's.
    Unknown,
    /// The session has ended.
    Expired,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialsError::Unknown => "the access key or session token is not valid",
            CredentialsError::Expired => "the session token has expired",
        })
    }
}

impl std::error::Error for CredentialsError {}

#[derive(Serialize, Deserialize)]
struct Session {
    key: String,
    account: String,
    role: String,
    session: String,
    role_id: String,
    until_ms: i64,
}

/// All keys of an installation.
pub struct Credentials {
    sealer: Sealer,
    /// The account of `test`/`test`; `None` switches off every well-known key.
    test_account: Option<String>,
    /// Root key given by the operator: id, secret, account.
    root_key: Option<(String, String, String)>,
}

impl Credentials {
    /// `test_account` only while bound to loopback; `root_key` is (id, secret, account).
    pub fn new(
        sealer: Sealer,
        test_account: Option<String>,
        root_key: Option<(String, String, String)>,
    ) -> Self {
        Credentials { sealer, test_account, root_key }
    }

    /// The account whose root `test`/`test` is, if that is allowed.
    pub fn test_account(&self) -> Option<&str> {
        self.test_account.as_deref()
    }

    /// Finds the secret of an access key id, checking the session token that came with it.
    pub fn find(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<AccessKey, CredentialsError> {
        match session_token {
            Some(token) if access_key_id.starts_with("ASIA") => {
                self.session(access_key_id, token, now)
            }
            // Dummy tokens accompany dummy keys in many set-ups; they prove nothing and take
            // nothing away.
            _ => self.long_term(access_key_id).ok_or(CredentialsError::Unknown),
        }
    }

    fn long_term(&self, id: &str) -> Option<AccessKey> {
        let root = |account: &str, secret: &str| AccessKey {
            secret: secret.to_owned(),
            principal: Principal::Root { account: account.to_owned() },
        };
        if let Some((root_id, secret, account)) = &self.root_key
            && root_id == id
        {
            return Some(root(account, secret));
        }
        let test_account = self.test_account.as_deref()?;
        if id == TEST {
            return Some(root(test_account, TEST));
        }
        // Twelve digits with the secret `test` are the root of that account.
        let is_account = id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit());
        is_account.then(|| root(id, TEST))
    }

    fn session(
        &self,
        id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessKey, CredentialsError> {
        let unknown = CredentialsError::Unknown;
        let sealed = BASE64.decode(token).map_err(|_| unknown)?;
        let plain = self.sealer.open_sealed(PURPOSE, &sealed).map_err(|_| unknown)?;
        let session: Session = serde_json::from_slice(&plain).map_err(|_| unknown)?;
        if session.key != id {
            return Err(unknown);
        }
        if session.until_ms <= now.epoch_ms {
            return Err(CredentialsError::Expired);
        }
        Ok(AccessKey {
            secret: self.secret_of(&sealed),
            principal: Principal::AssumedRole {
                account: session.account,
                role: session.role,
                session: session.session,
                role_id: session.role_id,
            },
        })
    }

    /// Makes credentials for a session of a role (a role ARN's account and last path part).
    pub fn mint(
        &self,
        random: &dyn Random,
        account: &str,
        role: &str,
        session: &str,
        expiration: Timestamp,
    ) -> SessionCredentials {
        let access_key_id = format!("ASIA{}", random.base32(16));
        // The role's id must be the same for every session of the role.
        let id = self.sealer.derive("role-id", format!("{account}/{role}").as_bytes());
        let role_id: String = id[..17].iter().map(|b| base32_digit(*b)).collect();
        let statement = Session {
            key: access_key_id.clone(),
            account: account.to_owned(),
            role: role.to_owned(),
            session: session.to_owned(),
            role_id: format!("AROA{role_id}"),
            until_ms: expiration.epoch_ms,
        };
        let plain = serde_json::to_vec(&statement).expect("plain strings are JSON");
        let sealed = self.sealer.seal(PURPOSE, &plain);
        SessionCredentials {
            access_key_id,
            secret_access_key: self.secret_of(&sealed),
            session_token: BASE64.encode(&sealed),
            expiration,
        }
    }

    fn secret_of(&self, sealed_token: &[u8]) -> String {
        BASE64.encode(&self.sealer.derive("session-secret", sealed_token)[..30])
    }
}

fn base32_digit(byte: u8) -> char {
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)] as char
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;
    use std::sync::Arc;

    #[test]
    fn sessions_are_bound_to_key_token_and_time() {
        let random = SeededRandom::new(7);
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let keys = Credentials::new(sealer, Some("000000000000".into()), None);
        let until = Timestamp::from_ms(10_000);
        let minted = keys.mint(&random, "000000000000", "role", "session", until);
        let other = keys.mint(&random, "000000000000", "role", "session", until);
        let find = |id: &str, token: Option<&str>, at| {
            keys.find(id, token, Timestamp::from_ms(at)).map(|k| (k.secret, k.principal.arn()))
        };
        let token = Some(minted.session_token.as_str());
        let arn = "arn:aws:sts::000000000000:assumed-role/role/session".to_owned();
        assert_eq!(find(&minted.access_key_id, token, 0), Ok((minted.secret_access_key, arn)));
        assert_eq!(find(&minted.access_key_id, token, 10_000), Err(CredentialsError::Expired));
        assert_eq!(find(&other.access_key_id, token, 0), Err(CredentialsError::Unknown));
        assert_eq!(find(&minted.access_key_id, None, 0), Err(CredentialsError::Unknown));
        let forged = format!("A{}", &minted.session_token[1..]);
        assert_eq!(find(&minted.access_key_id, Some(&forged), 0), Err(CredentialsError::Unknown));
    }

    #[test]
    fn well_known_keys() {
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let open = Credentials::new(sealer.clone(), Some("000000000000".into()), None);
        let real = Some(("AKIAREAL".into(), "secret".into(), "111111111111".into()));
        let closed = Credentials::new(sealer, None, real);
        let account = |keys: &Credentials, id: &str| {
            keys.find(id, None, Timestamp::from_ms(0))
                .ok()
                .map(|k| k.principal.account().to_owned())
        };
        assert_eq!(account(&open, "test").as_deref(), Some("000000000000"));
        assert_eq!(account(&open, "123456789012").as_deref(), Some("123456789012"));
        assert_eq!(account(&open, "12345678901"), None);
        assert_eq!(account(&closed, "test"), None);
        assert_eq!(account(&closed, "123456789012"), None);
        assert_eq!(account(&closed, "AKIAREAL").as_deref(), Some("111111111111"));
    }
}
