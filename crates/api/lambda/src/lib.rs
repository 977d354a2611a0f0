//! api-lambda.
