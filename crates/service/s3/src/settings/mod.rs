//! What can be set on a bucket besides its objects: read from requests, checked, kept, shown.
//!
//! Everything here is pure; `ops` puts it into the store.

pub(crate) mod access;
pub(crate) mod acl;
pub(crate) mod cors;
pub(crate) mod encryption;
pub(crate) mod inventory;
pub(crate) mod kept;
pub(crate) mod lifecycle;
pub(crate) mod lock;
pub(crate) mod logging;
pub(crate) mod notification;
pub(crate) mod policy;
pub(crate) mod refusal;
pub(crate) mod replication;
pub(crate) mod tags;
pub(crate) mod website;
