//! service-logs.
