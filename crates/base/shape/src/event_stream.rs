//! Frames of `application/vnd.amazon.eventstream`: how answers that consist of events travel.
//!
//! A frame is: its whole length and the length of its headers (4 bytes each), a CRC-32 of these
//! eight bytes, headers, payload, and a CRC-32 of all before it; numbers are big-endian. A header
//! is the length of its name (1 byte), the name, the type (7 is a string), the length of the value
//! (2 bytes) and the value. In the models the member that carries them is a [`crate::ByteStream`].

use bytes::{BufMut, Bytes, BytesMut};

/// The media type of such a body.
pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";
/// No frame of AWS's is longer, in bytes.
pub const FRAME_BYTES_MAX: usize = 16 << 20;

const STRING: u8 = 7;

/// An event named `event_type`, a member of the stream's union. `content_type` says what `payload`
/// is: `application/octet-stream` for a blob, `application/json` for the event's other members.
pub fn event(event_type: &str, content_type: &str, payload: &[u8]) -> Bytes {
    frame(
        &[(":event-type", event_type), (":content-type", content_type), (":message-type", "event")],
        payload,
    )
}

/// An exception of the operation, which ends the stream.
pub fn exception(code: &str, payload: &[u8]) -> Bytes {
    let json = (":content-type", "application/json");
    frame(&[(":exception-type", code), json, (":message-type", "exception")], payload)
}

/// One frame. Names and values are ours and short; a longer one is cut to what fits.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut head = BytesMut::new();
    for (name, value) in headers {
        let name = &name.as_bytes()[..name.len().min(usize::from(u8::MAX))];
        let value = &value.as_bytes()[..value.len().min(usize::from(u16::MAX))];
        head.put_u8(name.len() as u8);
        head.put_slice(name);
        head.put_u8(STRING);
        head.put_u16(value.len() as u16);
        head.put_slice(value);
    }
    let length = 16 + head.len() + payload.len();
    let mut out = BytesMut::with_capacity(length);
    out.put_u32(length as u32);
    out.put_u32(head.len() as u32);
    out.put_u32(crc32fast::hash(&out));
    out.put_slice(&head);
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(&out));
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_of_the_protocols_tests() {
        // From the test suite that all SDKs share: no headers and no payload, then a payload.
        let empty = [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255];
        assert_eq!(frame(&[], b"")[..], empty);
        let json = frame(&[], b"{'foo':'bar'}");
        assert_eq!(json[..12], [0, 0, 0, 29, 0, 0, 0, 0, 253, 82, 140, 90]);
        assert_eq!(json[25..], [195, 101, 57, 54]);
    }

    #[test]
    fn headers_are_strings() {
        let bytes = event("PayloadChunk", "application/octet-stream", b"x");
        assert_eq!(bytes[12], 11);
        assert_eq!(&bytes[13..24], b":event-type");
        assert_eq!(bytes[24..27], [7, 0, 12]);
        assert_eq!(bytes[bytes.len() - 5], b'x');
    }
}
