//! What every service stands on: the context of a call, clock and randomness, typed calls to
//! other services, durable tasks and events, credentials, sealing, blobs.
//!
//! Nothing in a service asks the machine for the time, for randomness or for a thread: it asks
//! [`Ctx`]. That is what makes a run repeatable.

pub mod access;
mod api;
mod arn;
mod authorization_message;
mod authorize;
pub mod blobs;
mod clock;
mod credentials;
mod ctx;
pub mod digest;
mod door;
mod kernel;
mod keyring;
mod log;
mod opened;
mod principal;
mod random;
mod reseal;
mod seal;
mod service;
mod session;
mod tasks;

pub use api::{BoxFuture, Dispatch, ServiceClient, boxed, store_fault};
pub use arn::{Arn, ArnError, is_account};
pub use authorization_message::{decode_authorization_message, encode_authorization_message};
pub use authorize::{Authorization, REFUSALS_MAX, Refusal};
pub use blobs::{BlobError, Blobs};
pub use clock::{Clock, ManualClock, SystemClock};
pub use credentials::{
    AccessKey, Credentials, CredentialsError, IssueError, MfaVerdict, SESSION_TOKEN_CHARS_MAX,
    SessionCredentials, UserKeys, account_of_key, key_id,
};
pub use ctx::Ctx;
pub use door::{Answered, CrossOrigin, Door, FormSignature, FormVerifier, Told, Visit, VisitKind};
pub use kernel::{Config, Kernel};
pub use keyring::{Passphrase, is_key_file};
pub use log::{Level, Log};
pub use principal::{AssumedRole, FederatedUser, Principal, RootSession, User};
pub use random::{OsRandom, Random, SeededRandom};
pub use reseal::{Reseal, ResealCount, ResealProgress, reseal_rows, reseal_table};
pub use seal::{KeyVersion, SealError, Sealer};
pub use service::{EventHandler, Hook, Invalid, Service, TaskHandler};
pub use session::{FederatedFacts, SessionFacts};
pub use shape::{Fault, Timestamp};
pub use store::{Store, StoreError};
