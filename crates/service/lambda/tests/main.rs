//! The service through the kernel: the API with a memory store, and real runtimes.

mod api;
mod extensions;
mod runtimes;
mod support;
mod versions;
