//! HTTP: connections, limits, bodies. Knows nothing of AWS but the family words of its errors.

mod accepted;
mod body;
mod cors;
mod encoding;
mod host;
mod io;
mod limits;
mod rt;
mod server;

pub use body::{BodyError, Budget, ReadBody, Room, drain, read_body};
pub use cors::{Cors, Origins};
pub use encoding::{Encoding, packed};
pub use host::{Host, Hosts};
pub use io::{Stream, Tls, TlsStarter};
pub use limits::Limits;
pub(crate) use rt::{Stall, within};
pub use server::{Broken, Handler, Peer, Reply, ReplyBody, ReplyFuture, Server, full};
