//! One operation a file.

mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_data;

pub(crate) use get_metric_data::get_metric_data;
pub(crate) use get_metric_statistics::get_metric_statistics;
pub(crate) use list_metrics::list_metrics;
pub(crate) use put_metric_data::{NOTED_MS, put_metric_data};
