//! The context of one call.

use std::sync::Arc;
use std::time::Duration;

use shape::{Fault, Struct, Timestamp};
use store::Store;

use crate::access::Origin;
use crate::{Arn, BoxFuture, Kernel, Level, Principal, Random, ServiceClient};

/// Who calls, where, and through which kernel. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    kernel: Kernel,
    account: String,
    region: String,
    principal: Principal,
    request_id: String,
    endpoint: Option<Arc<str>>,
    /// What is rarely there, so that a request need not have room for it.
    more: Option<Arc<More>>,
}

#[derive(Clone, Default)]
struct More {
    origin: Option<Origin>,
    called_via: Vec<&'static str>,
    source_arn: Option<String>,
}

impl Ctx {
    /// A context for a verified caller. `account` is the one whose resources are meant.
    pub fn new(kernel: &Kernel, region: &str, principal: Principal, request_id: String) -> Self {
        let account = match principal.account() {
            "" => kernel.config().account.clone(),
            account => account.to_owned(),
        };
        let (kernel, region) = (kernel.clone(), region.to_owned());
        let (endpoint, more) = (None, None);
        let inner = Inner { kernel, account, region, principal, request_id, endpoint, more };
        Ctx { inner: Arc::new(inner) }
    }

    /// The same, for a request that reached us at `endpoint`.
    pub fn at(self, endpoint: &str) -> Self {
        let endpoint = Some(endpoint.into());
        Ctx { inner: Arc::new(Inner { endpoint, ..(*self.inner).clone() }) }
    }

    /// Scheme and authority of the address at which the caller reaches us, `http://host:4566`:
    /// for addresses in answers. Nothing where no client is behind the call.
    pub fn endpoint(&self) -> Option<&str> {
        self.inner.endpoint.as_deref()
    }

    /// The account whose resources are meant, twelve digits.
    pub fn account(&self) -> &str {
        &self.inner.account
    }

    /// `ap-northeast-2`.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// The caller.
    pub fn principal(&self) -> &Principal {
        &self.inner.principal
    }

    /// The request's id, a UUID.
    pub fn request_id(&self) -> &str {
        &self.inner.request_id
    }

    /// The kernel.
    pub fn kernel(&self) -> &Kernel {
        &self.inner.kernel
    }

    /// The one store.
    pub fn store(&self) -> &Store {
        self.inner.kernel.store()
    }

    /// The wall clock.
    pub fn now(&self) -> Timestamp {
        self.inner.kernel.clock().now()
    }

    /// A clock for measuring durations.
    pub fn elapsed(&self) -> Duration {
        self.inner.kernel.clock().elapsed()
    }

    /// Waits.
    pub fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.kernel.clock().sleep(duration)
    }

    /// Randomness.
    pub fn random(&self) -> &dyn Random {
        self.inner.kernel.random()
    }

    /// An ARN in this account and region.
    pub fn arn(&self, service: &str, resource: impl Into<String>) -> Arn {
        Arn {
            partition: "aws".into(),
            service: service.into(),
            region: self.inner.region.clone(),
            account: self.inner.account.clone(),
            resource: resource.into(),
        }
    }

    /// The same request seen by a service that acts for itself.
    pub fn as_service(&self, name: &'static str) -> Ctx {
        let account = self.inner.account.clone();
        let principal = Principal::Service { name, account };
        Ctx { inner: Arc::new(Inner { principal, ..(*self.inner).clone() }) }
    }

    /// The same for a resource of the service: `aws:SourceArn` in policies, and with it
    /// `aws:SourceAccount`.
    pub fn as_service_for(&self, name: &'static str, source_arn: impl Into<String>) -> Ctx {
        let ctx = self.as_service(name);
        ctx.with(|more| more.source_arn = Some(source_arn.into()))
    }

    /// The same request, passed on by a service in the caller's name: `aws:CalledVia`,
    /// `kms:ViaService`.
    pub fn via(&self, name: &'static str) -> Ctx {
        self.with(|more| more.called_via.push(name))
    }

    /// With how the request came in.
    pub fn with_origin(&self, origin: Origin) -> Ctx {
        self.with(|more| more.origin = Some(origin))
    }

    fn with(&self, change: impl FnOnce(&mut More)) -> Ctx {
        let mut inner = (*self.inner).clone();
        let mut more = inner.more.as_deref().cloned().unwrap_or_default();
        change(&mut more);
        inner.more = Some(Arc::new(more));
        Ctx { inner: Arc::new(inner) }
    }

    /// How the request came in, if from outside and if anyone's policies count.
    pub fn origin(&self) -> Option<&Origin> {
        self.inner.more.as_ref()?.origin.as_ref()
    }

    /// The services that pass on the request, the first one first.
    pub fn called_via(&self) -> &[&'static str] {
        self.inner.more.as_ref().map_or(&[], |more| &more.called_via)
    }

    /// The resource for which a service calls.
    pub fn source_arn(&self) -> Option<&str> {
        self.inner.more.as_ref()?.source_arn.as_deref()
    }

    /// A typed client of another service: `ctx.client::<api_lambda::Client>()`.
    pub fn client<C: ServiceClient>(&self) -> C {
        C::new(self.clone())
    }

    /// Calls an operation with a filled input: the one path for HTTP, the JSON door and clients.
    pub async fn call(
        &self,
        service: &str,
        op: usize,
        input: Box<dyn Struct>,
    ) -> Result<Box<dyn Struct>, Fault> {
        self.inner.kernel.call(self, service, op, input).await
    }

    /// Writes a line to the server's log.
    pub fn log(&self, level: Level, text: std::fmt::Arguments<'_>) {
        self.inner.kernel.log(level, format_args!("{} {text}", self.inner.request_id));
    }
}
