//! service-lambda.
