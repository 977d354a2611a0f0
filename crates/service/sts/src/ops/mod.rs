//! One operation a file.

mod assume_role;
mod assume_role_with_saml;
mod assume_role_with_web_identity;
mod assume_root;
mod decode_authorization_message;
mod get_access_key_info;
mod get_caller_identity;
mod get_federation_token;
mod get_session_token;
mod get_web_identity_token;

pub(crate) use assume_role::assume_role;
pub(crate) use assume_role_with_saml::assume_role_with_saml;
pub(crate) use assume_role_with_web_identity::assume_role_with_web_identity;
pub(crate) use assume_root::assume_root;
pub(crate) use decode_authorization_message::decode_authorization_message;
pub(crate) use get_access_key_info::get_access_key_info;
pub(crate) use get_caller_identity::get_caller_identity;
pub(crate) use get_federation_token::get_federation_token;
pub(crate) use get_session_token::get_session_token;
pub(crate) use get_web_identity_token::{DURATION_S, get_web_identity_token};
