//! One operation a file, or a few small ones that belong together.

mod alarms;
mod describe_alarm_history;
mod describe_alarms;
mod get_metric_data;
mod get_metric_statistics;
mod list_metrics;
mod put_metric_alarm;
mod put_metric_data;
mod tags;

pub(crate) use alarms::{
    delete_alarms, disable_alarm_actions, enable_alarm_actions, set_alarm_state,
};
pub(crate) use describe_alarm_history::describe_alarm_history;
pub(crate) use describe_alarms::{describe_alarms, describe_alarms_for_metric};
pub(crate) use get_metric_data::get_metric_data;
pub(crate) use get_metric_statistics::get_metric_statistics;
pub(crate) use list_metrics::list_metrics;
pub(crate) use put_metric_alarm::put_metric_alarm;
pub(crate) use put_metric_data::{NOTED_MS, put_metric_data};
pub(crate) use tags::{list_tags_for_resource, tag_resource, untag_resource};
