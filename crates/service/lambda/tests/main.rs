//! The service through the kernel: the API with a memory store, and real runtimes.

mod ages;
mod api;
mod extensions;
mod pool;
mod runtimes;
mod stream_ages;
mod support;
mod versions;
