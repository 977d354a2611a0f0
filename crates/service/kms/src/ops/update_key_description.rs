//! `UpdateKeyDescription`.
//!
//! ```text
//! aws kms update-key-description --key-id 1234abcd-12ab-34cd-56ef-1234567890ab --description desk
//! ```

use api_kms::{Error, UpdateKeyDescriptionOutput, UpdateKeyDescriptionRequest};
use kernel::Ctx;

use crate::Kms;
use crate::find::{Names, find};
use crate::record::KEYS;

pub(crate) async fn update_key_description(
    _: &Kms,
    ctx: &Ctx,
    input: UpdateKeyDescriptionRequest,
) -> Result<UpdateKeyDescriptionOutput, Error> {
    ctx.store()
        .write(|tx| {
            let mut key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("UpdateKeyDescription")?;
            key.not_ending()?;
            key.record.description.clone_from(&input.description);
            tx.put(&KEYS, key.place.key(), &key.record)?;
            Ok(UpdateKeyDescriptionOutput {})
        })
        .await
}
