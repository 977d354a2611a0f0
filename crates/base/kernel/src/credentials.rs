//! Access keys: which exist, and the minting of temporary ones.
//!
//! Temporary credentials are not stored. The session token is a sealed statement of who it is for
//! and until when; the secret key is derived from the installation key and the token. So they
//! survive a restart, cost no write, and cannot be forged.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use shape::Timestamp;

use crate::opened::{Opened, Session};
use crate::session::Statement;
use crate::{BoxFuture, Fault, Kernel, Principal, Random, Sealer};

/// The access key id and secret that work without set-up while bound to loopback.
const TEST: &str = "test";
const PURPOSE: &str = "session-token";
/// Largest token that is made or looked at, in characters; `MinimumSessionTokenSize` of AWS's
/// model ends there.
pub const SESSION_TOKEN_CHARS_MAX: usize = 4096;

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

/// Where the access keys of IAM's users are: IAM gives the kernel one at its start
/// ([`Credentials::set_user_keys`]).
pub trait UserKeys: Send + Sync {
    /// The secret and user of an active key. Called for every request signed by such a key, before
    /// the signature is known to be good: it must be quick and must not record a use.
    fn find(&self, kernel: &Kernel, access_key_id: &str) -> Option<AccessKey>;

    /// Checks a code of an MFA device of the caller's (a user or a root). A code is right once:
    /// shown again it is wrong. Without an implementation nobody has a device.
    fn check_mfa<'a>(
        &'a self,
        _kernel: &'a Kernel,
        _caller: &'a Principal,
        _serial: &'a str,
        _code: &'a str,
    ) -> BoxFuture<'a, Result<MfaVerdict, Fault>> {
        Box::pin(async { Ok(MfaVerdict::NoDevice) })
    }
}

/// What a code of an MFA device is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MfaVerdict {
    /// The device's, now, for the first time.
    Right,
    /// Not the device's, too old, or used before.
    Wrong,
    /// The caller has no device of that serial number.
    NoDevice,
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialsError {
    /// No such access key id, or one that needs a session token came without.
    Unknown,
    /// The session token is forged, damaged or another key's, or came with a key that has none.
    InvalidToken,
    /// The session has ended.
    Expired,
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialsError::Unknown => "the access key is not valid",
            CredentialsError::InvalidToken => "the session token is not valid",
            CredentialsError::Expired => "the session token has expired",
        })
    }
}

impl std::error::Error for CredentialsError {}

/// Why temporary credentials are not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssueError {
    /// Session policies and tags take more room than there is.
    PackedPolicyTooLarge {
        /// How much of the room they would take; over 100.
        percent: u32,
    },
    /// The principal is none that has sessions.
    NoSession,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueError::PackedPolicyTooLarge { percent } => {
                write!(f, "session policies and tags take {percent} % of the room")
            }
            IssueError::NoSession => f.write_str("the principal has no session"),
        }
    }
}

impl std::error::Error for IssueError {}

/// All keys of an installation.
pub struct Credentials {
    sealer: Sealer,
    /// The account of `test`/`test`; `None` switches off every well-known key.
    test_account: Option<String>,
    /// Root key given by the operator: id, secret, account.
    root_key: Option<(String, String, String)>,
    user_keys: OnceLock<Arc<dyn UserKeys>>,
    opened: Opened,
}

impl Credentials {
    /// `test_account` only while bound to loopback; `root_key` is (id, secret, account).
    pub fn new(
        sealer: Sealer,
        test_account: Option<String>,
        root_key: Option<(String, String, String)>,
    ) -> Self {
        let (user_keys, opened) = (OnceLock::new(), Opened::default());
        Credentials { sealer, test_account, root_key, user_keys, opened }
    }

    /// The account whose root `test`/`test` is, if that is allowed.
    pub fn test_account(&self) -> Option<&str> {
        self.test_account.as_deref()
    }

    /// Says where the access keys of users are, once; false when that was said before.
    pub fn set_user_keys(&self, keys: Arc<dyn UserKeys>) -> bool {
        self.user_keys.set(keys).is_ok()
    }

    /// Finds the secret of an access key id, checking the session token that came with it.
    pub fn find(
        &self,
        kernel: &Kernel,
        access_key_id: &str,
        session_token: Option<&str>,
        now: Timestamp,
    ) -> Result<AccessKey, CredentialsError> {
        match session_token {
            Some(token) if access_key_id.starts_with("ASIA") => {
                self.session(access_key_id, token, now)
            }
            Some(_) if access_key_id.starts_with("AKIA") => Err(CredentialsError::InvalidToken),
            // Dummy tokens accompany dummy keys in many set-ups; they prove nothing and take
            // nothing away.
            _ => self
                .well_known(access_key_id)
                .or_else(|| self.user_keys.get()?.find(kernel, access_key_id))
                .ok_or(CredentialsError::Unknown),
        }
    }

    /// Asks the keeper of users whether a code of the caller's MFA device is right.
    pub async fn check_mfa(
        &self,
        kernel: &Kernel,
        caller: &Principal,
        serial: &str,
        code: &str,
    ) -> Result<MfaVerdict, Fault> {
        match self.user_keys.get() {
            Some(keys) => keys.check_mfa(kernel, caller, serial, code).await,
            None => Ok(MfaVerdict::NoDevice),
        }
    }

    fn well_known(&self, id: &str) -> Option<AccessKey> {
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
        crate::is_account(id).then(|| root(id, TEST))
    }

    fn session(
        &self,
        id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<AccessKey, CredentialsError> {
        let invalid = CredentialsError::InvalidToken;
        if token.len() > SESSION_TOKEN_CHARS_MAX {
            return Err(invalid);
        }
        let digest = Opened::digest(token);
        let session = match self.opened.get(&digest) {
            Some(session) => session,
            None => {
                let session = self.open(token).ok_or(invalid)?;
                self.opened.put(digest, session.clone());
                session
            }
        };
        if session.id != id {
            return Err(invalid);
        }
        if session.expires_at_ms <= now.epoch_ms {
            return Err(CredentialsError::Expired);
        }
        Ok(session.key)
    }

    /// Opens a token; `None`: it is forged or damaged.
    fn open(&self, token: &str) -> Option<Session> {
        let sealed = BASE64.decode(token).ok()?;
        let statement = Statement::unpack(&self.sealer.open_sealed(PURPOSE, &sealed).ok()?)?;
        let (id, principal) = (statement.key.clone(), statement.principal());
        let expires_at_ms = principal.session()?.expires_at_ms;
        let key = AccessKey { secret: self.secret_of(&sealed), principal };
        Some(Session { id, key, expires_at_ms })
    }

    /// Makes temporary credentials for a principal with a session; they end when it does. The
    /// token has at least `token_chars_min` characters (`MinimumSessionTokenSize`).
    pub fn issue(
        &self,
        random: &dyn Random,
        principal: &Principal,
        token_chars_min: usize,
    ) -> Result<SessionCredentials, IssueError> {
        let facts = principal.session().ok_or(IssueError::NoSession)?;
        let percent = facts.packed_policy_percent();
        if percent > 100 {
            return Err(IssueError::PackedPolicyTooLarge { percent });
        }
        let access_key_id = key_id("ASIA", principal.account(), random);
        let statement = Statement::of(&access_key_id, principal).ok_or(IssueError::NoSession)?;
        let mut packed = statement.pack();
        // Space behind a statement means nothing.
        let bytes_min = token_chars_min.min(SESSION_TOKEN_CHARS_MAX).div_ceil(4) * 3;
        packed.resize(packed.len().max(bytes_min.saturating_sub(Sealer::OVERHEAD_BYTES)), b' ');
        let sealed = self.sealer.seal(PURPOSE, &packed);
        let session_token = BASE64.encode(&sealed);
        if session_token.len() > SESSION_TOKEN_CHARS_MAX {
            let percent = session_token.len() * 100 / SESSION_TOKEN_CHARS_MAX;
            let percent = u32::try_from(percent).unwrap_or(u32::MAX);
            return Err(IssueError::PackedPolicyTooLarge { percent: percent.max(101) });
        }
        Ok(SessionCredentials {
            access_key_id,
            secret_access_key: self.secret_of(&sealed),
            session_token,
            expiration: Timestamp::from_ms(facts.expires_at_ms),
        })
    }

    fn secret_of(&self, sealed_token: &[u8]) -> String {
        BASE64.encode(&self.sealer.derive_with("session-secret", sealed_token)[..30])
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Marks ids that carry an account. They begin with `Q` or a later character.
const WITH_ACCOUNT: u128 = 1 << 79;

fn base32_digit(byte: u8) -> char {
    BASE32[usize::from(byte % 32)] as char
}

/// An access key id: `prefix` (`AKIA`, `ASIA`) and 16 characters. As in AWS's own ids they are 80
/// bits in base 32: a mark, the account in 40 bits, and 39 random bits. So the account of a key
/// can be told without any record (`GetAccessKeyInfo`). Who stores keys makes sure that an id is
/// new.
pub fn key_id(prefix: &str, account: &str, random: &dyn Random) -> String {
    let account = account.parse::<u128>().unwrap_or(0) & ((1 << 40) - 1);
    let noise = u128::from(random.u64()) & ((1 << 39) - 1);
    let bits = WITH_ACCOUNT | account << 39 | noise;
    let digits = (0..16).rev().map(|i| base32_digit((bits >> (5 * i) & 31) as u8));
    prefix.chars().chain(digits).collect()
}

/// The account that [`key_id`] put into an access key id; `None` for ids of other making.
pub fn account_of_key(id: &str) -> Option<String> {
    let digits = id.as_bytes().split_at_checked(4)?.1;
    if digits.len() != 16 {
        return None;
    }
    let mut bits = 0u128;
    for digit in digits {
        let value = BASE32.iter().position(|known| known == digit)?;
        bits = bits << 5 | value as u128;
    }
    let account = bits >> 39 & ((1 << 40) - 1);
    (bits & WITH_ACCOUNT != 0 && account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AssumedRole, Config, FederatedFacts, FederatedUser, RootSession, SeededRandom,
        SessionFacts, User,
    };

    fn kernel() -> Kernel {
        Kernel::new(Config::memory())
    }

    #[test]
    fn sessions_are_bound_to_key_token_and_time() {
        let random = SeededRandom::new(7);
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let keys = Credentials::new(sealer, Some("000000000000".into()), None);
        let until = Timestamp::from_ms(10_000);
        let principal = Principal::AssumedRole(Arc::new(AssumedRole {
            account: "000000000000".into(),
            path: "/".into(),
            role: "role".into(),
            role_id: "AROAX".into(),
            session_name: "session".into(),
            session: SessionFacts::new(0, until.epoch_ms),
        }));
        let issue = || keys.issue(&random, &principal, 0).expect("it is small");
        let (minted, other) = (issue(), issue());
        let kernel = kernel();
        let find = |id: &str, token: Option<&str>, at| {
            let found = keys.find(&kernel, id, token, Timestamp::from_ms(at));
            found.map(|k| (k.secret, k.principal.arn()))
        };
        let token = Some(minted.session_token.as_str());
        let arn = "arn:aws:sts::000000000000:assumed-role/role/session".to_owned();
        let id = minted.access_key_id.as_str();
        assert_eq!(find(id, token, 0), Ok((minted.secret_access_key, arn)));
        assert_eq!(find(id, token, 10_000), Err(CredentialsError::Expired));
        assert_eq!(find(&other.access_key_id, token, 0), Err(CredentialsError::InvalidToken));
        assert_eq!(find(id, None, 0), Err(CredentialsError::Unknown));
        let longest = "A".repeat(100_000);
        let cut = &minted.session_token[..minted.session_token.len() - 4];
        let forged = format!("A{}", &minted.session_token[1..]);
        for bad in ["", "AAAA", "%", cut, &forged, &longest] {
            assert_eq!(find(id, Some(bad), 0), Err(CredentialsError::InvalidToken), "{bad:.20}");
        }
        let long_lived = id.replacen("ASIA", "AKIA", 1);
        assert_eq!(find(&long_lived, token, 0), Err(CredentialsError::InvalidToken));
    }

    #[test]
    fn sessions_of_every_kind_come_back_whole() {
        let random = SeededRandom::new(7);
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let keys = Credentials::new(sealer, None, None);
        let facts = SessionFacts {
            policy: Some(format!(r#"{{"Version":"2012-10-17","x":"{}"}}"#, "a".repeat(2000))),
            policy_arns: vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into(); 10],
            tags: (0..20).map(|i| (format!("Key{i}"), format!("값 {i}"))).collect(),
            transitive_tag_keys: vec!["Key3".into()],
            source_identity: Some("kim".into()),
            mfa_at_ms: Some(4),
            federated: Some(FederatedFacts {
                provider: "arn:aws:iam::111122223333:oidc-provider/example.com".into(),
                keys: vec![("example.com:amr".into(), vec!["a".into(), "b".into()])],
            }),
            chained: true,
            root_task: Some("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials".into()),
            ..SessionFacts::new(1, 10_000)
        };
        let account = || "111122223333".to_owned();
        let user = User {
            account: account(),
            path: "/".into(),
            name: "kim".into(),
            id: "AIDAX".into(),
            session: Some(facts.clone()),
        };
        let by = Some(User { session: None, ..user.clone() });
        let (name, session) = ("lee".to_owned(), facts.clone());
        let principals = [
            Principal::RootSession(
                RootSession { account: account(), session: facts.clone() }.into(),
            ),
            Principal::User(user.into()),
            Principal::FederatedUser(
                FederatedUser { account: account(), name, by, session }.into(),
            ),
        ];
        let kernel = kernel();
        for (principal, chars_min) in principals.into_iter().zip([0, 3001, 4096]) {
            let made = keys.issue(&random, &principal, chars_min).expect("credentials");
            let chars = made.session_token.len();
            assert!((chars_min..=SESSION_TOKEN_CHARS_MAX).contains(&chars), "{chars}");
            assert_eq!(account_of_key(&made.access_key_id), Some(account()));
            let token = Some(made.session_token.as_str());
            let now = Timestamp::from_ms(9_999);
            let found = keys.find(&kernel, &made.access_key_id, token, now);
            assert_eq!(found.map(|key| key.principal), Ok(principal));
        }
        let none = keys.issue(&random, &Principal::root("111122223333"), 0);
        assert_eq!(none.err(), Some(IssueError::NoSession));
    }

    #[test]
    fn too_much_to_carry() {
        let noise: &dyn Random = &SeededRandom::new(3);
        let keys = Credentials::new(Sealer::ephemeral(Arc::new(SeededRandom::new(1))), None, None);
        let mut session = SessionFacts::new(0, 1);
        session.tags = (0..50).map(|i| (format!("k{i}"), noise.base32(256))).collect();
        let root = RootSession { account: "111122223333".into(), session };
        let made = keys.issue(noise, &Principal::RootSession(root.into()), 0);
        assert!(matches!(made.err(), Some(IssueError::PackedPolicyTooLarge { percent: 101.. })));
    }

    #[test]
    fn accounts_of_keys() {
        let random = SeededRandom::new(9);
        for account in ["000000000000", "000000000001", "123456789012", "999999999999"] {
            let id = key_id("AKIA", account, &random);
            assert_eq!((id.len(), account_of_key(&id).as_deref()), (20, Some(account)), "{id}");
        }
        // A published example, with the account that is known to be in it.
        let known = account_of_key("ASIAQNZGKIQY56JQ7WML");
        assert_eq!(known.as_deref(), Some("029608264753"));
        for id in ["", "AKIA", "AKIAIOSFODNN7EXAMPLE", "AKIAé", "AKIAQNZGKIQY56JQ7WM1", "test"] {
            assert_eq!(account_of_key(id), None, "{id}");
        }
    }

    #[test]
    fn well_known_keys() {
        let sealer = Sealer::ephemeral(Arc::new(SeededRandom::new(1)));
        let open = Credentials::new(sealer.clone(), Some("000000000000".into()), None);
        let real = Some(("AKIAREAL".into(), "secret".into(), "111111111111".into()));
        let closed = Credentials::new(sealer, None, real);
        let kernel = kernel();
        let account = |keys: &Credentials, id: &str, token: Option<&str>| {
            keys.find(&kernel, id, token, Timestamp::from_ms(0))
                .ok()
                .map(|k| k.principal.account().to_owned())
        };
        assert_eq!(account(&open, "test", None).as_deref(), Some("000000000000"));
        assert_eq!(account(&open, "test", Some("dummy")).as_deref(), Some("000000000000"));
        assert_eq!(account(&open, "123456789012", None).as_deref(), Some("123456789012"));
        assert_eq!(account(&open, "12345678901", None), None);
        assert_eq!(account(&closed, "test", None), None);
        assert_eq!(account(&closed, "123456789012", None), None);
        assert_eq!(account(&closed, "AKIAREAL", None).as_deref(), Some("111111111111"));
        assert_eq!(account(&closed, "AKIAREAL", Some("token")), None);
    }

    #[test]
    fn keys_of_users() {
        struct Keys;
        impl UserKeys for Keys {
            fn find(&self, _: &Kernel, id: &str) -> Option<AccessKey> {
                let principal = Principal::root("111122223333");
                (id == "AKIAUSER").then(|| AccessKey { secret: "s".into(), principal })
            }
        }
        let kernel = kernel();
        let find = |id: &str, token: Option<&str>| {
            let found = kernel.credentials().find(&kernel, id, token, Timestamp::from_ms(0));
            found.map(|key| key.secret)
        };
        assert_eq!(find("AKIAUSER", None), Err(CredentialsError::Unknown));
        assert!(kernel.credentials().set_user_keys(Arc::new(Keys)));
        assert!(!kernel.credentials().set_user_keys(Arc::new(Keys)));
        assert_eq!(find("AKIAUSER", None), Ok("s".into()));
        assert_eq!(find("AKIAOTHER", None), Err(CredentialsError::Unknown));
        assert_eq!(find("AKIAUSER", Some("token")), Err(CredentialsError::InvalidToken));
    }
}
