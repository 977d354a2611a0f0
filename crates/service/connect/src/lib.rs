//! service-connect.
