//! Connect through the kernel, as the gateway and other services call it.

#![expect(clippy::disallowed_methods, reason = "tests wait for real background work")]

mod calls;
mod contacts;
mod fakes;
mod flows;
mod instances;
mod numbers;
mod support;
