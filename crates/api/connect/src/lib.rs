//! api-connect.
