//! What a call needs to be allowed: the needs of an operation, taken from its facts and its input;
//! what a service says of its resources; who decides.

use std::net::IpAddr;

use shape::access::{self, AccessRule, ResourceRule, Step};
use shape::{Operation, Struct, View};

use crate::Ctx;

/// One permission that a call needs.
#[derive(Debug, Clone, Default)]
pub struct Need {
    /// `s3:GetObject`.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
    /// Condition keys in lower case, with their values.
    pub keys: Vec<(String, Vec<String>)>,
    /// A service that calls for itself needs the resource's policy to allow it.
    pub guarded: bool,
    /// The resource's policy, where the one who asks knows it ([`Ctx::authorize`]). Otherwise the
    /// service's [`Guard`] is asked.
    pub policy: Option<ResourcePolicy>,
}

impl Need {
    /// An action on a resource.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Need { action: action.into(), resource: resource.into(), ..Need::default() }
    }

    /// With a condition key's value.
    pub fn key(mut self, key: &str, value: impl Into<String>) -> Self {
        self.keys.push((key.to_ascii_lowercase(), vec![value.into()]));
        self
    }
}

/// The policy of a resource.
#[derive(Debug, Clone, Default)]
pub struct ResourcePolicy {
    /// The account that owns the resource; empty is the caller's.
    pub account: String,
    /// Documents; none allows and denies nothing.
    pub documents: Vec<String>,
    /// Nothing is allowed that these do not allow, or leave to the account's identity policies by
    /// naming the account: keys of KMS, and trust policies of roles.
    pub required: bool,
    /// The documents are trust policies.
    pub trust: bool,
    /// Granted already by other means of the resource (a grant of KMS, an access control list):
    /// only an explicit deny stands against it.
    pub granted: bool,
    /// What the documents allow to everybody does not count (S3's public access block).
    pub restricts_public: bool,
}

/// What a call asks about, for [`Guard::key`].
pub struct Asked<'a> {
    /// `GetItem`; empty for what a service asks itself.
    pub operation: &'a str,
    /// The input.
    pub input: Option<&'a dyn Struct>,
    /// The resource of this need.
    pub resource: &'a str,
}

/// What a service knows about its resources when access to them is judged. All of it is asked only
/// for callers whose policies count: never for a root user.
pub trait Guard: Send + Sync {
    /// The ARN of a resource that a request names, for kinds with `resolve` in
    /// `models/access/SERVICE.toml`; `None` if the template's is right.
    fn resolve(&self, _ctx: &Ctx, _kind: &str, _args: &[String]) -> Option<String> {
        None
    }
    /// What an operation needs that is `computed`.
    fn needs(&self, _ctx: &Ctx, _operation: &str, _input: &dyn Struct) -> Vec<Need> {
        Vec::new()
    }
    /// Whether an operation asks for each of its resources itself, by [`Ctx::authorize`], and
    /// answers refusals one by one beside what it did for the others.
    fn asks_itself(&self, _operation: &str) -> bool {
        false
    }
    /// The policy of a resource, if it can have one.
    fn policy(&self, _ctx: &Ctx, _need: &Need) -> Option<ResourcePolicy> {
        None
    }
    /// The tags of a resource: `aws:ResourceTag/KEY`.
    fn tags(&self, _ctx: &Ctx, _resource: &str) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Whether requests can name resources of other accounts, by ARN: then root users need the
    /// consent of these resources' policies, too.
    fn is_shared(&self) -> bool {
        false
    }
    /// Values of a condition key, in lower case, that is in no table: `dynamodb:leadingkeys`.
    fn key(&self, _ctx: &Ctx, _key: &str, _asked: &Asked<'_>) -> Option<Vec<String>> {
        None
    }
}

/// How a request came in: what conditions on the connection compare.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// `aws:SourceIp`.
    pub source_ip: Option<IpAddr>,
    /// `aws:SecureTransport`.
    pub is_secure: bool,
    /// `s3:TlsVersion`: `1.2` or `1.3`.
    pub tls_version: Option<&'static str>,
    /// The cipher suite of TLS, as OpenSSL names it.
    pub tls_cipher: Option<&'static str>,
    /// `aws:UserAgent`.
    pub user_agent: Option<String>,
    /// `aws:Referer`.
    pub referer: Option<String>,
    /// `s3:authType`: `REST-HEADER`, `REST-QUERY-STRING` or `POST`.
    pub auth_type: Option<&'static str>,
    /// How it was signed, if it was: `s3:signatureversion`, `AWS4-HMAC-SHA256` or `AWS`.
    pub signature_version: Option<&'static str>,
    /// When it was signed, milliseconds since 1970: `s3:signatureAge`.
    pub signed_at_ms: Option<i64>,
    /// The access key that signed.
    pub access_key_id: Option<String>,
    /// `x-amz-content-sha256`.
    pub content_sha256: Option<String>,
}

/// A call to be judged.
pub struct Call<'a> {
    /// The service's name in the kernel.
    pub service: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// Its input.
    pub input: Option<&'a dyn Struct>,
    /// All that is needed.
    pub needs: &'a [Need],
    /// What the service knows.
    pub guard: Option<&'a dyn Guard>,
}

/// Why a call is refused.
#[derive(Debug, Clone)]
pub struct Denied {
    /// The first need that is not met.
    pub action: String,
    /// Its resource.
    pub resource: String,
    /// `because no identity-based policy allows the s3:GetObject action`.
    pub reason: String,
    /// What would have helped: the smallest policy, or what stands against it.
    pub advice: String,
}

/// Who decides: IAM gives the kernel one at its start.
pub trait Authority: Send + Sync {
    /// Whether the caller of `ctx`, who is no root user, may do all of it.
    fn judge(&self, ctx: &Ctx, call: &Call<'_>) -> Result<(), Denied>;
}

/// All that an operation needs, with this input.
pub(crate) fn needs(
    ctx: &Ctx,
    operation: &Operation,
    input: &dyn Struct,
    guard: Option<&dyn Guard>,
) -> Vec<Need> {
    let mut needs = Vec::new();
    for rule in &operation.access {
        if rule.computed {
            needs.extend(guard.map(|g| g.needs(ctx, &operation.name, input)).unwrap_or_default());
            continue;
        }
        let collect = Collect { ctx, rule, input, guard };
        match &rule.each {
            None => collect.from(View::Absent, &mut needs),
            Some(each) => access::walk(View::Struct(input), each, &mut |element| {
                collect.from(element, &mut needs);
            }),
        }
    }
    if needs.is_empty()
        && let Some(rule) = operation.access.first()
    {
        needs.push(Need::new(rule.action.clone(), "*"));
    }
    needs
}

struct Collect<'a> {
    ctx: &'a Ctx,
    rule: &'a AccessRule,
    input: &'a dyn Struct,
    guard: Option<&'a dyn Guard>,
}

impl Collect<'_> {
    fn from(&self, element: View<'_>, needs: &mut Vec<Need>) {
        let element = match &element {
            View::Struct(value) => Some(*value),
            _ => None,
        };
        let texts = |path: &[Step]| match (path.first(), element) {
            (Some(Step::Element), Some(element)) => access::texts(View::Struct(element), path),
            (Some(Step::Element), None) => Vec::new(),
            _ => access::texts(View::Struct(self.input), path),
        };
        let leads = |path: &[Step]| {
            let mut found = false;
            let from = match (path.first(), element) {
                (Some(Step::Element), Some(element)) => element,
                _ => self.input,
            };
            access::walk(View::Struct(from), path, &mut |view| {
                found |= !matches!(view, View::Bool(false));
            });
            found
        };
        let rule = self.rule;
        if rule.when.as_deref().is_some_and(|path| !leads(path))
            || rule.unless.as_deref().is_some_and(leads)
        {
            return;
        }
        let mut keys: Vec<(String, Vec<String>)> = Vec::new();
        for key in &rule.keys {
            let values = key.literal.clone().map_or_else(|| texts(&key.path), |text| vec![text]);
            if !values.is_empty() {
                keys.push((key.key.to_ascii_lowercase(), values));
            }
        }
        if let Some(path) = &rule.tags {
            let tags = access::tags(self.input, path);
            if !tags.is_empty() {
                keys.push(("aws:tagkeys".into(), tags.iter().map(|tag| tag.0.clone()).collect()));
            }
            keys.extend(tags.into_iter().map(|(key, value)| {
                (format!("aws:requesttag/{}", key.to_ascii_lowercase()), vec![value])
            }));
        }
        if let Some(path) = &rule.tag_keys {
            keys.push(("aws:tagkeys".into(), texts(path)));
        }
        for resource in self.resources(&rule.on, &texts) {
            needs.push(Need {
                action: rule.action.clone(),
                resource,
                keys: keys.clone(),
                guarded: rule.guarded,
                policy: None,
            });
        }
    }

    fn resources(
        &self,
        rule: &ResourceRule,
        texts: &dyn Fn(&[Step]) -> Vec<String>,
    ) -> Vec<String> {
        let mut rows: Vec<Vec<String>> = vec![Vec::new()];
        for path in &rule.args {
            let values = texts(path);
            rows = rows
                .iter()
                .flat_map(|row| {
                    values
                        .iter()
                        .map(|value| [row.as_slice(), std::slice::from_ref(value)].concat())
                })
                .collect();
        }
        if rows.is_empty() {
            return rule.otherwise.iter().map(|text| self.filled(text, &[])).collect();
        }
        rows.iter()
            .map(|args| {
                let known = match (rule.resolve, self.guard) {
                    (true, Some(guard)) => guard.resolve(self.ctx, &rule.kind, args),
                    _ => None,
                };
                known.unwrap_or_else(|| self.filled(&rule.template, args))
            })
            .collect()
    }

    /// A template with its places filled. A first argument that is an ARN stands for all up to it.
    fn filled(&self, template: &str, args: &[String]) -> String {
        let mut pieces = template.split("{}");
        let head = pieces.next().unwrap_or_default();
        let mut text = match args.first() {
            Some(arn) if arn.starts_with("arn:") => String::new(),
            _ => {
                head.replace("{region}", self.ctx.region()).replace("{account}", self.ctx.account())
            }
        };
        for (arg, piece) in args.iter().zip(pieces) {
            text.push_str(arg);
            text.push_str(piece);
        }
        text
    }
}
