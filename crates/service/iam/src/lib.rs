//! AWS Identity and Access Management: users, groups, roles, policies and credentials.
//!
//! Records are of an account, of no region. `lookup` answers what the authoriser asks; every
//! change bumps the account's generation, so that what is compiled from policies can be kept.

mod access;
mod arn;
mod attach;
mod authority;
mod caller;
mod compiled;
mod context;
mod der;
mod document;
mod entity;
mod error;
mod guard;
mod id;
mod inline;
pub mod lookup;
mod managed;
pub mod mfa;
mod ops;
mod owned;
mod page;
mod password;
mod pem;
mod record;
mod reseal;
mod saml;
mod service_roles;
mod shown;
mod simulate;
mod ssh;
mod tags;
mod touch;
mod trust;

use std::sync::Arc;

use kernel::{Kernel, Service};

use crate::authority::{Keys, Policed};
use crate::compiled::Compiler;

pub use touch::{Touch, Touches};

pub use ops::ISSUER_PATH;

/// Where the installation is when nobody says so.
const ADDRESS: &str = "localhost:4566";

/// The service. Everything it knows is in the store.
pub struct Iam {
    touches: Touches,
    /// Host and port at which clients on this machine reach the installation.
    address: String,
}

api_iam::serve!(Iam, ops);

/// Builds the service, and gives the kernel the access keys of users and the authority that judges
/// by their policies.
pub fn service_for(kernel: &Kernel) -> Service {
    service_at(kernel, ADDRESS.to_owned())
}

/// As [`service_for`], reached at `address`, host and port.
pub fn service_at(kernel: &Kernel, address: String) -> Service {
    let compiler = Compiler::default();
    let iam = Iam { touches: Touches::default(), address };
    let authority = Policed::new(compiler.clone(), iam.touches.clone());
    kernel.set_authority(Arc::new(authority));
    kernel.credentials().set_user_keys(Arc::new(Keys));
    build(iam, compiler)
}

/// Builds the service alone: its operations, without judging anyone.
pub fn service() -> Service {
    let iam = Iam { touches: Touches::default(), address: ADDRESS.to_owned() };
    build(iam, Compiler::default())
}

fn build(iam: Iam, compiler: Compiler) -> Service {
    let touches = iam.touches.clone();
    let iam = Arc::new(iam);
    let mut service = Service::new(api_iam::dispatch(iam.clone()));
    service.reseal = Some(iam);
    service.guard = Some(Arc::new(guard::Records));
    service.reset = Some(Arc::new(move || {
        touches.clear();
        compiler.clear();
        Box::pin(std::future::ready(()))
    }));
    service
}
