//! How a generated service crate becomes callable: by the gateway with `dyn` values, by other
//! services with its own types, on one path.

use std::future::Future;
use std::pin::Pin;

use shape::{Fault, Model, Problem, Struct, problems_message};

use store::StoreError;

use crate::Ctx;

/// A future on the heap: operations are `dyn` at crate edges, which keeps compile times down.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Boxes the future that `make` makes, where it is to stay. `Box::pin` makes it on the stack and
/// copies it: kilobytes, of which it uses next to nothing before it is polled.
#[inline(always)]
pub fn boxed<'a, F: Future + Send + 'a>(make: impl FnOnce() -> F) -> BoxFuture<'a, F::Output> {
    let place: Box<F> = Box::write(Box::new_uninit(), make());
    Box::into_pin(place)
}

/// A service behind its model: what the gateway and the kernel call.
pub trait Dispatch: Send + Sync {
    /// Operations and shapes.
    fn model(&self) -> &'static Model;
    /// An empty input for operation `op`, an index into the model's operations.
    fn input(&self, op: usize) -> Box<dyn Struct>;
    /// Calls operation `op`. `input` must come from [`Dispatch::input`] and be valid.
    fn call<'a>(
        &'a self,
        ctx: &'a Ctx,
        op: usize,
        input: Box<dyn Struct>,
    ) -> BoxFuture<'a, Result<Box<dyn Struct>, Fault>>;
}

/// What a caller is told of a failure of the store: only what he can do something about.
pub fn store_fault(error: StoreError) -> Fault {
    match error {
        StoreError::DiskFull { .. } => Fault::new("InternalServerError", 500, error.to_string()),
        other => Fault::internal(other),
    }
}

/// The fault for broken constraints, as most services answer it. A service that words some of
/// them in its own way sets [`crate::Service::invalid`].
pub(crate) fn invalid(model: &'static Model, problems: &[Problem]) -> Fault {
    Fault::sender(model.service.validation_code.as_str(), problems_message(problems))
}

/// A generated client: `ctx.client::<api_lambda::Client>().invoke(…)`.
pub trait ServiceClient {
    /// The service's name in the kernel.
    const SERVICE: &'static str;
    /// A client that calls with this context.
    fn new(ctx: Ctx) -> Self;
}

/// Declares a service: the trait `Api`, the enum `Error`, the function `dispatch` and the typed
/// `Client`. Called by generated crates only.
#[macro_export]
macro_rules! api {
    (
        service $service:literal;
        operations { $($index:literal $op:ident($input:ident) -> $output:ident;)* }
        errors { $($error:ident),* $(,)? }
    ) => {
        /// The service's operations. There are no default methods: listed means implemented.
        pub trait Api: Send + Sync + 'static {
            $(
                #[allow(missing_docs)]
                fn $op<'a>(
                    &'a self,
                    ctx: &'a $crate::Ctx,
                    input: $input,
                ) -> $crate::BoxFuture<'a, Result<$output, Error>>;
            )*
        }

        /// The errors of this service: those its model names, and any other [`shape::Fault`].
        #[allow(missing_docs)]
        pub enum Error {
            $($error(Box<$error>),)*
            Fault(Box<$crate::Fault>),
        }

        $(
            impl From<$error> for Error {
                fn from(error: $error) -> Self { Error::$error(Box::new(error)) }
            }
        )*

        impl From<$crate::Fault> for Error {
            fn from(fault: $crate::Fault) -> Self { Error::Fault(Box::new(fault)) }
        }

        impl From<$crate::StoreError> for Error {
            fn from(error: $crate::StoreError) -> Self {
                $crate::store_fault(error).into()
            }
        }

        impl From<Error> for $crate::Fault {
            fn from(error: Error) -> Self {
                match error {
                    $(Error::$error(detail) => $crate::Fault::modeled(detail),)*
                    Error::Fault(fault) => *fault,
                }
            }
        }

        impl ::std::fmt::Debug for Error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self {
                    $(Error::$error(detail) => detail.fmt(f),)*
                    Error::Fault(fault) => fault.fmt(f),
                }
            }
        }

        struct Server<T>(::std::sync::Arc<T>);

        /// Puts an implementation behind [`kernel::Dispatch`].
        pub fn dispatch<T: Api>(api: ::std::sync::Arc<T>) -> ::std::sync::Arc<dyn $crate::Dispatch> {
            ::std::sync::Arc::new(Server(api))
        }

        impl<T: Api> $crate::Dispatch for Server<T> {
            fn model(&self) -> &'static shape::Model { *MODEL }

            fn input(&self, op: usize) -> Box<dyn shape::Struct> {
                match op {
                    $($index => Box::new($input::default()),)*
                    _ => unreachable!("operation {op}"),
                }
            }

            fn call<'a>(
                &'a self,
                ctx: &'a $crate::Ctx,
                op: usize,
                input: Box<dyn shape::Struct>,
            ) -> $crate::BoxFuture<'a, Result<Box<dyn shape::Struct>, $crate::Fault>> {
                match op {
                    $($index => $crate::boxed(move || async move {
                        let input = input.downcast::<$input>().expect("the operation's input");
                        let output = self.0.$op(ctx, *input).await?;
                        Ok(Box::new(output) as Box<dyn shape::Struct>)
                    }),)*
                    _ => unreachable!("operation {op}"),
                }
            }
        }

        /// Calls the service from inside, by the same path as HTTP.
        pub struct Client { ctx: $crate::Ctx }

        impl $crate::ServiceClient for Client {
            const SERVICE: &'static str = $service;
            fn new(ctx: $crate::Ctx) -> Self { Client { ctx } }
        }

        impl Client {
            $(
                #[allow(missing_docs)]
                pub async fn $op(&self, input: $input) -> Result<$output, $crate::Fault> {
                    let output = self.ctx.call($service, $index, Box::new(input)).await?;
                    Ok(*output.downcast::<$output>().expect("the operation's output"))
                }
            )*
        }
    };
}
