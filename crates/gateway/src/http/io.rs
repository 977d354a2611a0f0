//! Streams: looking at the first bytes of a connection, and giving up on clients that do not read.

use super::rt::{Stall, within};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;

/// How an HTTP/2 connection begins (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The first byte of a TLS handshake; no HTTP request begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// Anything bytes go in and out of.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Where TLS begins, if it is served at all.
pub type TlsStarter = Option<Arc<rustls::ServerConfig>>;

/// A connection whose kind is known.
pub struct Opened {
    /// The stream, nothing of it lost.
    pub stream: Guarded,
    /// Whether it speaks HTTP/2.
    pub http2: bool,
    /// What TLS it came over, if it did.
    pub tls: Option<Tls>,
}

/// What both ends of a TLS connection agreed upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tls {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// The cipher suite, as OpenSSL names it.
    pub cipher: Option<&'static str>,
}

impl Tls {
    fn of(connection: &rustls::ServerConnection) -> Self {
        use rustls::CipherSuite as Suite;
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        };
        let cipher = match connection.negotiated_cipher_suite().map(|suite| suite.suite()) {
            Some(Suite::TLS13_AES_128_GCM_SHA256) => Some("TLS_AES_128_GCM_SHA256"),
            Some(Suite::TLS13_AES_256_GCM_SHA384) => Some("TLS_AES_256_GCM_SHA384"),
            Some(Suite::TLS13_CHACHA20_POLY1305_SHA256) => Some("TLS_CHACHA20_POLY1305_SHA256"),
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) => {
                Some("ECDHE-ECDSA-AES128-GCM-SHA256")
            }
            Some(Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) => {
                Some("ECDHE-ECDSA-AES256-GCM-SHA384")
            }
            Some(Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256) => {
                Some("ECDHE-ECDSA-CHACHA20-POLY1305")
            }
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256) => {
                Some("ECDHE-RSA-AES128-GCM-SHA256")
            }
            Some(Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) => {
                Some("ECDHE-RSA-AES256-GCM-SHA384")
            }
            Some(Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256) => {
                Some("ECDHE-RSA-CHACHA20-POLY1305")
            }
            _ => None,
        };
        Tls { version, cipher }
    }
}

/// Finds out whether a connection is TLS, HTTP/1 or HTTP/2, doing the handshake if need be.
pub async fn open(
    mut stream: Box<dyn Stream>,
    tls: &TlsStarter,
    first_byte_ms: u64,
    write_stall_ms: u64,
) -> io::Result<Opened> {
    let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
    let mut first = within(first_byte_ms, sniff(&mut *stream)).await.ok_or_else(timed_out)??;
    let mut agreed = None;
    if first.first() == Some(&TLS_HANDSHAKE) {
        let config = tls.clone().ok_or(io::ErrorKind::Unsupported)?;
        let raw = Prefixed { first, at: 0, stream };
        let handshake = TlsAcceptor::from(config).accept(raw);
        let done = within(first_byte_ms, handshake).await.ok_or_else(timed_out)??;
        agreed = Some(Tls::of(done.get_ref().1));
        stream = Box::new(done);
        first = within(first_byte_ms, sniff(&mut *stream)).await.ok_or_else(timed_out)??;
    }
    let http2 = first == PREFACE;
    let stream = Prefixed { first, at: 0, stream };
    let stream = Guarded { stream, stall: Stall::new(write_stall_ms) };
    Ok(Opened { stream, http2, tls: agreed })
}

/// Reads until the bytes cannot be the beginning of an HTTP/2 connection, or are one.
async fn sniff(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(PREFACE.len());
    loop {
        let mut buffer = [0; PREFACE.len()];
        let room = PREFACE.len() - first.len();
        let read = stream.read(&mut buffer[..room]).await?;
        if read == 0 {
            return match first.is_empty() {
                true => Err(io::ErrorKind::UnexpectedEof.into()),
                false => Ok(first),
            };
        }
        first.extend_from_slice(&buffer[..read]);
        if !PREFACE.starts_with(&first) || first.len() == PREFACE.len() {
            return Ok(first);
        }
    }
}

/// A stream whose first bytes were already read.
pub struct Prefixed {
    first: Vec<u8>,
    at: usize,
    stream: Box<dyn Stream>,
}

impl AsyncRead for Prefixed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.first[self.at..];
        if left.is_empty() {
            return Pin::new(&mut *self.stream).poll_read(cx, buffer);
        }
        let take = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..take]);
        self.at += take;
        if self.at == self.first.len() {
            self.first = Vec::new();
            self.at = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A stream that fails once its peer has left data unread for too long.
pub struct Guarded {
    stream: Prefixed,
    stall: Stall,
}

impl Guarded {
    fn guard<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.stall.watch(&outcome, cx) {
            true => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            false => outcome,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, data);
        self.guard(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.guard(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.guard(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = match gathered(data, &mut [0; GATHERED_BYTES_MAX]) {
            Some(data) => Pin::new(&mut self.stream).poll_write(cx, data),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, data),
        };
        self.guard(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Most bytes of small pieces that are written as one.
const GATHERED_BYTES_MAX: usize = 2048;

/// Small pieces, such as the head and the body of most answers, in one: sending one is cheaper than
/// sending several by more than copying them costs.
fn gathered<'a>(
    pieces: &[io::IoSlice<'_>],
    into: &'a mut [u8; GATHERED_BYTES_MAX],
) -> Option<&'a [u8]> {
    let mut filled = 0;
    for piece in pieces {
        into.get_mut(filled..filled + piece.len())?.copy_from_slice(piece);
        filled += piece.len();
    }
    Some(&into[..filled])
}
