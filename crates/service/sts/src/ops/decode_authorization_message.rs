//! `DecodeAuthorizationMessage`: why a request was refused, from the encoded message of its error.
//!
//! ```text
//! aws sts decode-authorization-message --encoded-message 3b9f…
//! {"DecodedMessage": "{\"allowed\": false, …}"}
//! ```

use api_sts::{
    DecodeAuthorizationMessageRequest, DecodeAuthorizationMessageResponse, Error,
    InvalidAuthorizationMessageException,
};
use kernel::{Ctx, decode_authorization_message as decode};

use crate::Sts;

pub(crate) async fn decode_authorization_message(
    _: &Sts,
    ctx: &Ctx,
    input: DecodeAuthorizationMessageRequest,
) -> Result<DecodeAuthorizationMessageResponse, Error> {
    match decode(ctx.kernel().sealer(), ctx.account(), &input.encoded_message) {
        Some(text) => Ok(DecodeAuthorizationMessageResponse { decoded_message: Some(text) }),
        None => {
            let message = Some("Message is not valid".to_owned());
            Err(InvalidAuthorizationMessageException { message }.into())
        }
    }
}
