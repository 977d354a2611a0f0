//! Why a document is refused, in AWS's words.
//!
//! Identity policies and the others are read by different parsers in AWS and have different
//! texts. The first are those that moto's test_iam_policies.py recorded from IAM; the second those
//! that users of Terraform, the CDK and gateways compatible with IAM and S3 quote.

/// What `MalformedPolicyDocument` (IAM, STS), `MalformedPolicy` (S3) and their like say.
/// Each service has its own code and may have its own words; ask [`Malformed`] by variant then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// No JSON, an unknown element, a wrong type, an element twice, too deep, or too long.
    Syntax,
    /// An identity policy without `2012-10-17`.
    Version,
    /// `Effect` in the wrong case, a date that is none, an ARN that breaks off after `::`, space
    /// before the first brace.
    Legacy,
    /// Two statements with one `Sid`.
    SidNotUnique,
    /// A `Sid` with other characters than letters and digits.
    SidCharacters,
    /// Neither `Action` nor `NotAction`, or an empty one.
    NoAction,
    /// Neither `Resource` nor `NotResource`, or an empty one.
    NoResource,
    /// An action without a service.
    ActionVendor,
    /// An action with two colons.
    ActionColons,
    /// A service with characters that no service has.
    Vendor(String),
    /// A resource without a colon.
    ResourceFormat(String),
    /// A partition that AWS does not have, and the resource as IAM completes it.
    Partition(String, String),
    /// A resource without a service.
    ResourceVendor,
    /// A resource of IAM with a region.
    IamRegion(String),
    /// A resource of another service that has no region.
    Region(String),
    /// A resource of IAM with an unknown path.
    IamPath,
    /// An identity policy that names a principal.
    PrincipalNotAllowed,

    /// Trust and resource policies: no JSON.
    Json,
    /// Trust and resource policies: an unknown element or a wrong type.
    Element,
    /// Trust and resource policies: an unknown version.
    VersionString,
    /// Trust and resource policies: no statement.
    Empty,
    /// Trust and resource policies: two statements with one `Sid`.
    SidTwice,
    /// Trust and resource policies: an element that must be there.
    Missing(&'static str),
    /// Trust and resource policies: another effect than `Allow` and `Deny`.
    Effect(String),
    /// `{}` or `[]` in the place of a principal.
    PrincipalEmpty,
    /// A trust policy for `"*"` or a list.
    PrincipalNotObject,
    /// A principal that cannot be: its type and value.
    Principal(String, String),
    /// `Allow` with `NotPrincipal`.
    AllowNotPrincipal,
    /// A trust policy with `NotPrincipal`.
    TrustNotPrincipal,
    /// A trust policy with another action than those of STS.
    TrustAction,
    /// A trust policy with `Resource`.
    TrustResource,
    /// A trust policy with `NotResource`.
    TrustNotResource,
}

/// Where an IAM resource's path may begin.
pub(crate) const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

impl std::error::Error for Malformed {}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Malformed::Vendor(vendor) => write!(f, "Vendor {vendor} is not valid"),
            Malformed::ResourceFormat(resource) => {
                write!(f, "Resource {resource} must be in ARN format or \"*\".")
            }
            Malformed::Partition(partition, arn) => {
                write!(f, "Partition \"{partition}\" is not valid for resource \"{arn}\".")
            }
            Malformed::IamRegion(resource) => {
                write!(f, "IAM resource {resource} cannot contain region information.")
            }
            Malformed::Region(resource) => {
                write!(f, "Resource {resource} can not contain region information.")
            }
            Malformed::IamPath => {
                let paths = IAM_PATHS.join(", ");
                write!(f, "IAM resource path must either be \"*\" or start with {paths}.")
            }
            Malformed::Missing(element) => write!(f, "Missing required field {element}"),
            Malformed::Effect(effect) => write!(f, "Invalid effect: {effect}"),
            Malformed::Principal(kind, value) => {
                write!(f, "Invalid principal in policy: \"{kind}\":\"{value}\"")
            }
            _ => f.write_str(self.fixed()),
        }
    }
}

impl Malformed {
    /// The text of those that need no detail.
    fn fixed(&self) -> &'static str {
        match self {
            Malformed::Version => "Policy document must be version 2012-10-17 or greater.",
            Malformed::Legacy => "The policy failed legacy parsing",
            Malformed::SidNotUnique => "Statement IDs (SID) in a single policy must be unique.",
            Malformed::SidCharacters => {
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*"
            }
            Malformed::NoAction => "Policy statement must contain actions.",
            Malformed::NoResource => "Policy statement must contain resources.",
            Malformed::ActionVendor => {
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
            }
            Malformed::ActionColons => "Actions/Condition can contain only one colon.",
            Malformed::ResourceVendor => {
                "Resource vendor must be fully qualified and cannot contain regexes."
            }
            Malformed::PrincipalNotAllowed => "Policy document should not specify a principal.",
            Malformed::Json => "This policy contains invalid Json",
            Malformed::Element => "Syntax error in policy.",
            Malformed::VersionString => "The policy must contain a valid version string",
            Malformed::Empty => "Could not parse the policy: Statement is empty!",
            Malformed::SidTwice => "The Statement Ids in the policy are not unique",
            Malformed::PrincipalEmpty => "Missing required field Principal cannot be empty!",
            Malformed::PrincipalNotObject => "Principal must be a JSON object.",
            Malformed::AllowNotPrincipal => "Allow with NotPrincipal is not allowed.",
            Malformed::TrustNotPrincipal => {
                "AssumeRole policy must not contain NotPrincipal field."
            }
            Malformed::TrustAction => "AssumeRole policy may only specify STS AssumeRole actions.",
            Malformed::TrustResource => "Has prohibited field Resource",
            Malformed::TrustNotResource => "AssumeRole policy must not contain resources.",
            _ => "Syntax errors in policy.",
        }
    }
}
