//! `PutMetricAlarm`: makes an alarm, or gives one another configuration.

use std::collections::BTreeMap;

use api_cloudwatch::{Error, PutMetricAlarmInput, PutMetricAlarmOutput};
use kernel::Ctx;
use serde_json::json;

use super::tags::checked;
use crate::CloudWatch;
use crate::alarm::{self, ALARMS, Alarm, Configuration, State, evaluate, history};
use crate::error::validation;

pub(crate) async fn put_metric_alarm(
    _: &CloudWatch,
    ctx: &Ctx,
    input: PutMetricAlarmInput,
) -> Result<PutMetricAlarmOutput, Error> {
    let name = &input.alarm_name;
    if name.chars().any(|c| c.is_ascii_control()) {
        return Err(validation("AlarmName must not contain ASCII control characters."));
    }
    let configuration = Configuration::read(ctx, &input)?;
    let tags = checked(BTreeMap::new(), input.tags.as_deref().unwrap_or_default())?;
    let now_ms = ctx.now().epoch_ms;
    ctx.store()
        .write(|tx| {
            let known = tx.get(&ALARMS, alarm::key(ctx, name))?;
            let (kind, done) = match &known {
                Some(_) => ("Update", "updated"),
                None => ("Create", "created"),
            };
            let timer = evaluate::schedule(ctx, tx, name, &configuration, true)?;
            let (configuration, configured_ms) = (configuration.clone(), now_ms);
            let made = match known {
                Some(known) => {
                    tx.cancel(known.timer)?;
                    Alarm { configuration, configured_ms, timer, ..known }
                }
                None => Alarm {
                    configuration,
                    configured_ms,
                    state: State::new(now_ms),
                    transitioned_ms: now_ms,
                    tags: tags.clone(),
                    timer,
                },
            };
            tx.put(&ALARMS, alarm::key(ctx, name), &made)?;
            let of = &made.configuration;
            let about = json!({
                "alarmName": name, "alarmArn": alarm::arn(ctx, name),
                "actionsEnabled": of.enabled, "threshold": of.threshold,
                "comparisonOperator": of.comparison, "evaluationPeriods": of.periods,
                "period": of.watched.period_s(), "stateValue": made.state.value,
            });
            let data = json!({"version": "1.0", "type": kind, format!("{done}Alarm"): about});
            let summary = format!("Alarm \"{name}\" {done}");
            history::add(ctx, tx, name, "ConfigurationUpdate", &summary, data)?;
            Ok::<(), Error>(())
        })
        .await?;
    Ok(PutMetricAlarmOutput::default())
}
