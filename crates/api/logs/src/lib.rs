//! api-logs.
