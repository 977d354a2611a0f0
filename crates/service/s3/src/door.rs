//! S3's HTTP that is no operation: websites, forms, and the rules for pages of other origins.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, Response};
use kernel::{BoxFuture, CrossOrigin, Door, Fault, Kernel, Told, Visit, VisitKind};
use shape::ByteStream;

use crate::access_log::Logs;
use crate::records::BUCKETS;
use crate::settings::cors::{Asked, Cors};
use crate::settings::kept;
use crate::{post, website};

/// The door.
pub(crate) struct S3Door(pub Arc<Logs>);

impl Door for S3Door {
    fn owns(&self, kernel: &Kernel, name: &str) -> bool {
        kernel.store().read(|tx| tx.contains(&BUCKETS, name)).unwrap_or(false)
    }

    fn cross_origin(
        &self,
        kernel: &Kernel,
        name: &str,
        asked: &CrossOrigin<'_>,
    ) -> Result<Vec<(HeaderName, String)>, Fault> {
        let cors = kernel.store().read(|tx| kept::get::<Cors>(tx, name))?;
        let Some(cors) = cors else {
            return Err(forbidden("CORS is not enabled for this bucket.", asked));
        };
        let wanted = Asked { origin: asked.origin, method: asked.method, headers: asked.headers };
        let answer = cors.answer(&wanted).ok_or_else(|| {
            let text = "This CORS request is not allowed. This is usually because the evalution \
                        of Origin, request method / Access-Control-Request-Method or \
                        Access-Control-Request-Headers are not whitelisted by the resource's CORS \
                        spec.";
            forbidden(text, asked)
        })?;
        let named = |(name, value): (&'static str, String)| (HeaderName::from_static(name), value);
        Ok(answer.into_iter().map(named).collect())
    }

    fn answer<'a>(
        &'a self,
        kernel: &'a Kernel,
        visit: Visit,
    ) -> BoxFuture<'a, Response<ByteStream>> {
        Box::pin(async move {
            match visit.kind {
                VisitKind::Website => website::answer(kernel, visit).await,
                VisitKind::Form => post::answer(visit).await,
            }
        })
    }

    fn listens(&self, kernel: &Kernel, name: &str, headers: &HeaderMap) -> bool {
        self.0.listens(kernel, name, headers)
    }

    fn told(&self, kernel: &Kernel, told: Told) {
        self.0.told(kernel, &told);
    }
}

/// The refusal of a preflight. S3's own text has the typing error.
fn forbidden(why: &str, asked: &CrossOrigin<'_>) -> Fault {
    let kind = if asked.is_root { "BUCKET" } else { "OBJECT" };
    Fault::new("AccessForbidden", 403, format!("CORSResponse: {why}"))
        .with("Method", asked.method)
        .with("ResourceType", kind)
}
