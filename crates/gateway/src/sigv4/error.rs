//! What can be wrong with a signature, and how each family of services words it.
//!
//! The texts are those AWS's endpoints answer with, as seen in public bug reports and recordings;
//! clients and people match on them.

use std::fmt;

/// A family of services that shares its error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// awsJson and rpcv2Cbor services: codes end in `Exception`, status 400.
    Json,
    /// restJson1 services: codes end in `Exception`, status 403.
    Rest,
    /// awsQuery services, and restXml ones other than S3: `SignatureDoesNotMatch` and friends.
    Query,
    /// EC2: one `AuthFailure` for nearly everything.
    Ec2,
    /// S3, with texts of its own.
    S3,
}

/// Why a request was not accepted as signed by the key it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// There is no signature, and the operation wants one.
    Missing,
    /// The `Authorization` header lacks something; the text says what.
    IncompleteHeader(String),
    /// The presigned query lacks something; the text says what.
    IncompleteQuery(String),
    /// Signature Version 2 in a header, which is not taken; the text is for all but S3.
    Version2Header(String),
    /// A query presigned by Signature Version 2 lacks something; the text says what.
    Version2Query(String),
    /// `X-Amz-Expires` is not a number from 1 to 604800; the text is S3's.
    BadExpires(&'static str),
    /// Both a presigned query and an `Authorization` header.
    BothPlaces,
    /// Signed too long ago, or a presigned query past its time.
    Expired {
        /// When it was signed (presigned: when it ended), `YYYYMMDDThhmmssZ`.
        signed: String,
        /// The earliest time still accepted.
        limit: String,
        /// The server's time.
        now: String,
        /// Whether the query carried its own expiry.
        presigned: bool,
    },
    /// Signed in the future, beyond the allowed skew.
    NotYet {
        /// When it says it was signed, `YYYYMMDDThhmmssZ`.
        signed: String,
        /// The latest time accepted.
        limit: String,
        /// The server's time.
        now: String,
    },
    /// The credential's scope is not ours; the text lists every part that differs.
    Scope(String),
    /// Headers that decide what a request means were left out of the signature.
    HeadersUnsigned(Vec<String>),
    /// No such access key id, or the session token is not the key's.
    UnknownKey,
    /// The session token is another one than the key's, or missing.
    InvalidToken,
    /// The session is over.
    ExpiredToken,
    /// The signature is not the one we calculate.
    Mismatch,
    /// The body is not the one whose digest was signed.
    BodyMismatch,
    /// S3 wants `x-amz-content-sha256`.
    ContentHashMissing,
    /// `x-amz-content-sha256` is none of the values known.
    ContentHashInvalid,
    /// The service does not take unsigned or aws-chunked bodies.
    PayloadKindRefused(&'static str),
}

/// An answer of AWS to a bad signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthAnswer {
    /// HTTP status.
    pub status: u16,
    /// The error code as the family spells it.
    pub code: &'static str,
    /// The text.
    pub message: String,
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you \
     provided. Check your AWS Secret Access Key and signing method. Consult the service \
     documentation for details.";
const MISMATCH_S3: &str = "The request signature we calculated does not match the signature you \
     provided. Check your key and signing method.";
const SKEW_MIN: u32 = 15;

impl AuthError {
    /// The answer in the words of `family`.
    pub fn answer(&self, family: Family) -> AuthAnswer {
        let (status, code) = match family {
            Family::Json => self.code_exception(400),
            Family::Rest => self.code_exception(403),
            Family::Query => self.code_query(),
            Family::Ec2 => self.code_ec2(),
            Family::S3 => self.code_s3(),
        };
        AuthAnswer { status, code, message: self.message(family) }
    }

    fn code_exception(&self, status: u16) -> (u16, &'static str) {
        let code = match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::IncompleteHeader(_)
            | Self::IncompleteQuery(_)
            | Self::BadExpires(_)
            | Self::Version2Header(_)
            | Self::Version2Query(_) => "IncompleteSignatureException",
            Self::UnknownKey | Self::InvalidToken => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            _ => "InvalidSignatureException",
        };
        (status, code)
    }

    fn code_query(&self) -> (u16, &'static str) {
        match self {
            Self::Missing => (403, "MissingAuthenticationToken"),
            Self::IncompleteHeader(_)
            | Self::IncompleteQuery(_)
            | Self::BadExpires(_)
            | Self::Version2Header(_)
            | Self::Version2Query(_) => (400, "IncompleteSignature"),
            Self::UnknownKey | Self::InvalidToken => (403, "InvalidClientTokenId"),
            Self::ExpiredToken => (403, "ExpiredToken"),
            _ => (403, "SignatureDoesNotMatch"),
        }
    }

    fn code_ec2(&self) -> (u16, &'static str) {
        match self {
            Self::Missing => (400, "MissingParameter"),
            Self::Expired { .. } | Self::ExpiredToken => (400, "RequestExpired"),
            Self::IncompleteHeader(_) | Self::IncompleteQuery(_) | Self::BadExpires(_) => {
                (400, "IncompleteSignature")
            }
            _ => (401, "AuthFailure"),
        }
    }

    fn code_s3(&self) -> (u16, &'static str) {
        match self {
            Self::Missing | Self::HeadersUnsigned(_) | Self::Version2Query(_) => {
                (403, "AccessDenied")
            }
            Self::Version2Header(_) => (400, "InvalidRequest"),
            Self::IncompleteHeader(_) | Self::Scope(_) => (400, "AuthorizationHeaderMalformed"),
            Self::IncompleteQuery(_) | Self::BadExpires(_) => {
                (400, "AuthorizationQueryParametersError")
            }
            Self::BothPlaces | Self::ContentHashInvalid => (400, "InvalidArgument"),
            Self::Expired { presigned: true, .. } => (403, "AccessDenied"),
            Self::Expired { .. } | Self::NotYet { .. } => (403, "RequestTimeTooSkewed"),
            Self::UnknownKey => (403, "InvalidAccessKeyId"),
            Self::InvalidToken => (400, "InvalidToken"),
            Self::ExpiredToken => (400, "ExpiredToken"),
            Self::Mismatch => (403, "SignatureDoesNotMatch"),
            Self::BodyMismatch => (400, "XAmzContentSHA256Mismatch"),
            Self::ContentHashMissing | Self::PayloadKindRefused(_) => (400, "InvalidRequest"),
        }
    }

    fn message(&self, family: Family) -> String {
        match family {
            Family::S3 => self.message_s3(),
            Family::Ec2 => self.message_ec2(),
            Family::Rest if *self == Self::Missing => "Missing Authentication Token".into(),
            _ => self.message_common(),
        }
    }

    fn message_common(&self) -> String {
        match self {
            Self::Missing => "Request is missing Authentication Token".into(),
            Self::IncompleteHeader(text)
            | Self::IncompleteQuery(text)
            | Self::Version2Header(text)
            | Self::Version2Query(text)
            | Self::Scope(text) => text.clone(),
            Self::BadExpires(text) => (*text).into(),
            Self::BothPlaces => "Found both 'X-Amz-Algorithm' as a query-string param and \
                 'Authorization' as HTTP header."
                .into(),
            Self::Expired { signed, limit, now, presigned: false } => format!(
                "Signature expired: {signed} is now earlier than {limit} ({now} - {SKEW_MIN} min.)"
            ),
            Self::Expired { signed, limit, .. } => {
                format!("Signature expired: {signed} is now earlier than {limit}")
            }
            Self::NotYet { signed, limit, now } => format!(
                "Signature not yet current: {signed} is still later than {limit} \
                 ({now} + {SKEW_MIN} min.)"
            ),
            Self::HeadersUnsigned(names) => names
                .iter()
                .map(|name| format!("'{name}' must be a 'SignedHeader' in the AWS Authorization."))
                .collect::<Vec<_>>()
                .join(" "),
            Self::UnknownKey | Self::InvalidToken => {
                "The security token included in the request is invalid.".into()
            }
            Self::ExpiredToken => "The security token included in the request is expired".into(),
            Self::Mismatch | Self::BodyMismatch => MISMATCH.into(),
            Self::ContentHashMissing => missing_content_hash(),
            Self::ContentHashInvalid => invalid_content_hash(),
            Self::PayloadKindRefused(kind) => {
                format!("The payload signing option {kind} is not supported by this service.")
            }
        }
    }

    fn message_ec2(&self) -> String {
        match self {
            Self::Missing => "The request must contain the parameter AWSAccessKeyId".into(),
            Self::Expired { .. } | Self::ExpiredToken => "Request has expired.".into(),
            Self::IncompleteHeader(_) | Self::IncompleteQuery(_) | Self::BadExpires(_) => {
                self.message_common()
            }
            _ => "AWS was not able to validate the provided access credentials".into(),
        }
    }

    fn message_s3(&self) -> String {
        match self {
            Self::Missing => "Access Denied".into(),
            Self::Version2Header(_) => "The authorization mechanism you have provided is not \
                 supported. Please use AWS4-HMAC-SHA256."
                .into(),
            Self::IncompleteHeader(text) | Self::Scope(text) => {
                format!("The authorization header is malformed; {text}")
            }
            Self::HeadersUnsigned(_) => {
                "There were headers present in the request which were not signed".into()
            }
            Self::BothPlaces => "Only one auth mechanism allowed; only the X-Amz-Algorithm query \
                 parameter, Signature query string parameter or the Authorization header should \
                 be specified"
                .into(),
            Self::Expired { presigned: true, .. } => "Request has expired".into(),
            Self::Expired { .. } | Self::NotYet { .. } => {
                "The difference between the request time and the current time is too large.".into()
            }
            Self::UnknownKey => {
                "The AWS Access Key Id you provided does not exist in our records.".into()
            }
            Self::InvalidToken => "The provided token is malformed or otherwise invalid.".into(),
            Self::ExpiredToken => "The provided token has expired.".into(),
            Self::Mismatch => MISMATCH_S3.into(),
            Self::BodyMismatch => {
                "The provided 'x-amz-content-sha256' header does not match what was computed."
                    .into()
            }
            _ => self.message_common(),
        }
    }
}

fn missing_content_hash() -> String {
    "Missing required header for this request: x-amz-content-sha256".into()
}

fn invalid_content_hash() -> String {
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
     STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid \
     sha256 value."
        .into()
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message_common())
    }
}

impl std::error::Error for AuthError {}
