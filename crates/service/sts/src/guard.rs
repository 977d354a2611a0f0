//! Condition keys that a request does not carry by itself.

use api_sts::GetWebIdentityTokenRequest;
use kernel::Ctx;
use kernel::access::{Asked, Guard};

use crate::Sts;
use crate::ops::DURATION_S;

impl Guard for Sts {
    fn key(&self, _: &Ctx, key: &str, asked: &Asked<'_>) -> Option<Vec<String>> {
        // What lasts as long as usual is no longer than a policy allows for not saying so.
        let is_asked = asked.input?.downcast_ref::<GetWebIdentityTokenRequest>().is_some();
        (key == "sts:durationseconds" && is_asked).then(|| vec![DURATION_S.to_string()])
    }
}
