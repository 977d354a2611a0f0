//! NextToken: where a SELECT goes on.
//!
//! A token is sealed, so that only we can have made it, and holds what it was made for: it goes on
//! with the same statement, parameters, account and region, and with nothing else.

use api_dynamodb::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::Ctx;

use crate::convert;
use crate::invalid::Invalid;
use crate::item::{StoredItem, encode};
use crate::value::Item;

const PURPOSE: &str = "dynamodb/partiql-next-token";
/// Bytes of what tells statements apart.
const REQUEST_BYTES: usize = 32;

/// Where to go on.
#[derive(Default)]
pub(crate) struct Cursor {
    /// Which of the statement's reads.
    pub read: usize,
    /// Key of the item after which to go on in it.
    pub start: Option<Item>,
}

/// What tells a request from others.
pub(crate) struct Request([u8; REQUEST_BYTES]);

impl Request {
    /// Of a statement and its parameters, which are valid.
    pub fn new(ctx: &Ctx, statement: &str, parameters: Option<&Vec<AttributeValue>>) -> Request {
        let mut bytes = Vec::new();
        for text in [ctx.account(), ctx.region(), statement] {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        for parameter in parameters.into_iter().flatten() {
            if let Ok(value) = convert::value(parameter.clone()) {
                let mut item = Item::new();
                item.insert(String::new(), value);
                let value = encode(&item);
                bytes.extend((value.len() as u64).to_be_bytes());
                bytes.extend(value);
            }
        }
        Request(ctx.kernel().sealer().derive(PURPOSE, &bytes))
    }
}

impl Cursor {
    /// The token that leads here again.
    pub fn seal(&self, ctx: &Ctx, request: &Request) -> String {
        let mut plain = request.0.to_vec();
        plain.extend((self.read as u32).to_be_bytes());
        plain.extend(self.start.iter().flat_map(encode));
        STANDARD.encode(ctx.kernel().sealer().seal(PURPOSE, &plain))
    }

    /// Where a token leads; to the beginning if there is none.
    ///
    /// # Errors
    /// In DynamoDB's words, if it was not made by us, or for another request.
    pub fn open(ctx: &Ctx, request: &Request, token: Option<&str>) -> Result<Cursor, Invalid> {
        let Some(token) = token else { return Ok(Cursor::default()) };
        let invalid = || Invalid::new("Invalid NextToken");
        let sealed = STANDARD.decode(token).map_err(|_| invalid())?;
        let plain = ctx.kernel().sealer().open_sealed(PURPOSE, &sealed).map_err(|_| invalid())?;
        let (made_for, rest) = plain.split_at_checked(REQUEST_BYTES).ok_or_else(invalid)?;
        if made_for != request.0 {
            return Err(Invalid::new("NextToken does not match request"));
        }
        let (read, start) = rest.split_first_chunk::<4>().ok_or_else(invalid)?;
        let start = match start {
            [] => None,
            bytes => {
                let item = StoredItem::new(bytes).and_then(|item| item.decode());
                Some(item.map_err(|_| invalid())?)
            }
        };
        Ok(Cursor { read: u32::from_be_bytes(*read) as usize, start })
    }
}
