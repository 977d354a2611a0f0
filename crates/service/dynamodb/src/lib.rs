//! DynamoDB: tables, items and the expressions over them.

pub mod expression;
pub mod invalid;
pub mod item;
pub mod key;
pub mod number;
pub mod value;
