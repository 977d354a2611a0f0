//! Tests of the flow engine: through its public face only.

mod corpus;
mod lambda;
mod load;
mod mutation;
mod random_caller;
mod replay;
mod run;
mod support;
