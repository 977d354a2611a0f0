//! What is known of a request when a condition asks: the global condition keys, and what services
//! add to them.

use kernel::access::{Asked, Call, Need};
use kernel::{Ctx, Principal};
use policy::{Context, Values};

use crate::compiled::Compiled;

/// One need of a call, as conditions see it.
pub(crate) struct Facts<'a> {
    pub ctx: &'a Ctx,
    pub call: &'a Call<'a>,
    pub need: &'a Need,
    pub principal: policy::Principal<'a>,
    pub identity: Option<&'a Compiled>,
}

impl Context for Facts<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        if let Some((_, values)) = self.need.keys.iter().find(|(name, _)| name == key) {
            return Some(Values::List(values));
        }
        if key == "aws:userid" {
            return Some(self.ctx.principal().user_id().into());
        }
        if let Some(value) = self.principal.value(key) {
            return Some(value);
        }
        let found = match key.strip_prefix("aws:") {
            Some(name) => self.global(name),
            None => self.specific(key),
        };
        found.or_else(|| self.of_guard(key))
    }
}

impl<'a> Facts<'a> {
    /// Keys that every service has, without `aws:`.
    fn global(&self, name: &str) -> Option<Values<'a>> {
        let ctx = self.ctx;
        if let Some(tag) = name.strip_prefix("principaltag/") {
            return self.principal_tag(tag);
        }
        if let Some(tag) = name.strip_prefix("resourcetag/") {
            return self.resource_tag(tag);
        }
        let seconds = ctx.now().epoch_ms.div_euclid(1000);
        match name {
            "currenttime" => Some(iso8601(ctx.now().epoch_ms).into()),
            "epochtime" => Some(seconds.to_string().into()),
            "requestedregion" => Some(ctx.region().into()),
            "resourceaccount" => {
                let account = self.need.resource.split(':').nth(4).filter(|a| !a.is_empty());
                Some(account.unwrap_or(ctx.account()).into())
            }
            "viaawsservice" => Some((!ctx.called_via().is_empty()).into()),
            "calledvia" if ctx.called_via().is_empty() => None,
            "calledvia" => {
                Some(Values::Many(ctx.called_via().iter().map(|name| (*name).into()).collect()))
            }
            "calledviafirst" => ctx.called_via().first().map(|name| (*name).into()),
            "calledvialast" => ctx.called_via().last().map(|name| (*name).into()),
            "sourcearn" => ctx.source_arn().map(Values::from),
            "sourceaccount" => ctx.source_arn().map(|arn| match arn.split(':').nth(4) {
                Some(account) if !account.is_empty() => account.into(),
                _ => ctx.account().into(),
            }),
            _ => self.of_connection(name).or_else(|| self.of_session(name)),
        }
    }

    fn of_connection(&self, name: &str) -> Option<Values<'a>> {
        let origin = self.ctx.origin()?;
        // A service that passes a request on has a connection of its own.
        let is_direct = self.ctx.called_via().is_empty();
        match name {
            "sourceip" if is_direct => origin.source_ip.map(|address| address.to_string().into()),
            "securetransport" => Some(origin.is_secure.into()),
            "useragent" => origin.user_agent.as_deref().map(Values::from),
            "referer" => origin.referer.as_deref().map(Values::from),
            _ => None,
        }
    }

    fn of_session(&self, name: &str) -> Option<Values<'a>> {
        let session = self.ctx.principal().session()?;
        let now_ms = self.ctx.now().epoch_ms;
        match name {
            "tokenissuetime" => Some(iso8601(session.issued_at_ms).into()),
            "multifactorauthpresent" => Some(session.mfa_at_ms.is_some().into()),
            "multifactorauthage" => {
                session.mfa_at_ms.map(|at_ms| ((now_ms - at_ms) / 1000).to_string().into())
            }
            "sourceidentity" => session.source_identity.as_deref().map(Values::from),
            "federatedprovider" => {
                session.federated.as_ref().map(|facts| facts.provider.as_str().into())
            }
            _ => None,
        }
    }

    /// A session's tags come before those of its role or user.
    fn principal_tag(&self, tag: &str) -> Option<Values<'a>> {
        let session = self.ctx.principal().session().map(|session| &session.tags);
        let own = match self.ctx.principal() {
            Principal::User(_) | Principal::AssumedRole(_) => self.identity.map(|own| &own.tags),
            _ => None,
        };
        let mut all = session.into_iter().chain(own).flatten();
        all.find(|(key, _)| key.eq_ignore_ascii_case(tag)).map(|(_, value)| value.as_str().into())
    }

    fn resource_tag(&self, tag: &str) -> Option<Values<'a>> {
        let tags = self.call.guard?.tags(self.ctx, &self.need.resource);
        let found = tags.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(tag));
        found.map(|(_, value)| value.into())
    }

    /// Keys with a service's prefix.
    fn specific(&self, key: &str) -> Option<Values<'a>> {
        let federated = self.ctx.principal().session().and_then(|s| s.federated.as_ref());
        let of_provider = federated
            .and_then(|facts| facts.keys.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
        if let Some((_, values)) = of_provider {
            return Some(Values::List(values));
        }
        if let Some((_, tag)) = key.split_once(":resourcetag/") {
            return self.resource_tag(tag);
        }
        let origin = self.ctx.origin();
        match key {
            "kms:viaservice" => {
                let service = self.ctx.called_via().last()?.strip_suffix(".amazonaws.com")?;
                Some(format!("{service}.{}.amazonaws.com", self.ctx.region()).into())
            }
            "kms:calleraccount" => Some(self.ctx.principal().account().into()),
            "s3:authtype" => origin?.auth_type.map(Values::from),
            "s3:signatureversion" => origin?.signature_version.map(Values::from),
            "s3:tlsversion" => origin?.tls_version.map(Values::from),
            "s3:signatureage" => {
                let age_ms = self.ctx.now().epoch_ms - origin?.signed_at_ms?;
                Some(age_ms.to_string().into())
            }
            "s3:x-amz-content-sha256" => origin?.content_sha256.as_deref().map(Values::from),
            _ => None,
        }
    }

    fn of_guard(&self, key: &str) -> Option<Values<'a>> {
        let asked = Asked {
            operation: self.call.operation,
            input: self.call.input,
            resource: &self.need.resource,
        };
        let values = self.call.guard?.key(self.ctx, key, &asked)?;
        Some(Values::Many(values.into_iter().map(Into::into).collect()))
    }
}

fn iso8601(epoch_ms: i64) -> String {
    kernel::Timestamp::from_ms(epoch_ms).civil("%Y-%m-%dT%H:%M:%SZ")
}
