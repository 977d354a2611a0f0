//! service-dynamodb.
