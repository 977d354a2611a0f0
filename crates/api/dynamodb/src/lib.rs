//! api-dynamodb.
