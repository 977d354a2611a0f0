//! One operation a file.
