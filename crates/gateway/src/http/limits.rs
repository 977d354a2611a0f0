//! Limits on everything a client can send, with the defaults of an installation.

/// What a client may take before it is refused. Bytes are bytes, times milliseconds.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Request line and headers together; beyond it the answer is 431.
    pub header_bytes_max: usize,
    /// Number of headers.
    pub headers_max: usize,
    /// Path and query; beyond it the answer is 414.
    pub uri_bytes_max: usize,
    /// A request's body, unless its operation has a limit of its own.
    pub body_bytes_max: u64,
    /// Bodies of all requests together; beyond it requests are answered 503.
    pub body_memory_bytes_max: usize,
    /// Connections at a time; one more is answered 503 and closed.
    pub connections_max: usize,
    /// Streams of one HTTP/2 connection.
    pub streams_max: u32,
    /// From the connection to its first byte, and for a TLS handshake.
    pub first_byte_ms: u64,
    /// For the headers of a request; a connection kept alive may be idle as long.
    pub header_ms: u64,
    /// Between two pieces of a body.
    pub body_idle_ms: u64,
    /// For a whole body.
    pub body_ms: u64,
    /// How long a client may leave an answer unread.
    pub write_stall_ms: u64,
    /// What is read and thrown away of a refused body, so that its sender hears the refusal.
    pub drain_bytes_max: u64,
    /// How long a stop waits for requests under way.
    pub stop_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes_max: 64 * 1024,
            headers_max: 100,
            uri_bytes_max: 16 * 1024,
            body_bytes_max: 10 * 1024 * 1024,
            body_memory_bytes_max: 512 * 1024 * 1024,
            connections_max: 1024,
            streams_max: 128,
            first_byte_ms: 10_000,
            header_ms: 60_000,
            body_idle_ms: 20_000,
            body_ms: 300_000,
            write_stall_ms: 30_000,
            drain_bytes_max: 256 * 1024 * 1024,
            stop_ms: 10_000,
        }
    }
}
