//! Codes of MFA devices.

use api_sts::Error;
use kernel::Ctx;

use crate::fault::denied;

const NO_DEVICE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please \
    verify your MFA serial number is valid and associated with this user.";

/// Checks the code of the caller's device, if one was given, and says when it proved itself
/// (milliseconds since 1970).
pub(crate) async fn check(
    ctx: &Ctx,
    serial: Option<&str>,
    code: Option<&str>,
) -> Result<Option<i64>, Error> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        _ => {
            return Err(denied(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one \
                 time pass code.",
            ));
        }
    };
    let kernel = ctx.kernel();
    match kernel.credentials().check_mfa(kernel, ctx.principal(), serial, code).await? {
        kernel::MfaVerdict::Right => Ok(Some(ctx.now().epoch_ms)),
        kernel::MfaVerdict::Wrong => {
            Err(denied("MultiFactorAuthentication failed with invalid MFA one time pass code."))
        }
        kernel::MfaVerdict::NoDevice => Err(denied(NO_DEVICE)),
    }
}
