//! Tokens of identity providers (OpenID Connect): reading and verifying them, and where the keys
//! come from.

pub(crate) mod claims;
pub(crate) mod issuer;
pub(crate) mod jwk;
pub(crate) mod jwt;
pub(crate) mod tokens;
