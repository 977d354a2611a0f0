//! Receipt handles: sealed, so that nobody can make one.

use api_sqs::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Ctx;

use crate::error::modeled;
use crate::record::Queue;

const PURPOSE: &str = "sqs/receipt";

/// What a handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    /// The queue's [`Queue::rows`] then.
    pub rows: u64,
    pub sequence: u64,
    /// How often the message had been received, this time included.
    pub receives: u32,
}

impl Handle {
    /// The text for clients.
    pub fn seal(&self, ctx: &Ctx, queue: &Queue) -> String {
        let plain = [
            &queue.id.to_be_bytes()[..],
            &self.rows.to_be_bytes(),
            &self.sequence.to_be_bytes(),
            &self.receives.to_be_bytes(),
        ]
        .concat();
        STANDARD.encode(ctx.kernel().sealer().seal(PURPOSE, &plain))
    }

    /// Reads one of this queue.
    pub fn open(ctx: &Ctx, queue: &Queue, text: &str) -> Result<Self, Error> {
        let opened = || {
            let sealed = STANDARD.decode(text).ok()?;
            let plain = ctx.kernel().sealer().open_sealed(PURPOSE, &sealed).ok()?;
            let (id, rest) = plain.split_first_chunk()?;
            let (rows, rest) = rest.split_first_chunk()?;
            let (sequence, rest) = rest.split_first_chunk()?;
            let handle = Handle {
                rows: u64::from_be_bytes(*rows),
                sequence: u64::from_be_bytes(*sequence),
                receives: u32::from_be_bytes(rest.try_into().ok()?),
            };
            (u64::from_be_bytes(*id) == queue.id).then_some(handle)
        };
        opened().ok_or_else(|| {
            let shown: String = text.chars().filter(|c| !c.is_control()).take(1024).collect();
            modeled!(
                ReceiptHandleIsInvalid,
                "The input receipt handle \"{shown}\" is not a valid receipt handle."
            )
        })
    }
}
