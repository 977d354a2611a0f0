//! service-sts.
