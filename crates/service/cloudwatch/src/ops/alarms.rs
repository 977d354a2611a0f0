//! `DeleteAlarms`, `SetAlarmState`, `EnableAlarmActions` and `DisableAlarmActions`.

use api_cloudwatch::{
    DeleteAlarmsInput, DeleteAlarmsOutput, DisableAlarmActionsInput, DisableAlarmActionsOutput,
    EnableAlarmActionsInput, EnableAlarmActionsOutput, Error, InvalidFormatFault,
    SetAlarmStateInput, SetAlarmStateOutput,
};
use kernel::Ctx;
use serde_json::json;

use crate::CloudWatch;
use crate::alarm::{ALARMS, State, change, history, key, require};

pub(crate) async fn delete_alarms(
    _: &CloudWatch,
    ctx: &Ctx,
    input: DeleteAlarmsInput,
) -> Result<DeleteAlarmsOutput, Error> {
    ctx.store()
        .write(|tx| {
            for name in &input.alarm_names {
                let alarm = require(tx, ctx, name)?;
                tx.cancel(alarm.timer)?;
                tx.delete(&ALARMS, key(ctx, name))?;
                let data = json!({"version": "1.0", "type": "Delete"});
                let summary = format!("Alarm \"{name}\" deleted");
                history::add(ctx, tx, name, "ConfigurationUpdate", &summary, data)?;
            }
            Ok::<(), Error>(())
        })
        .await?;
    Ok(DeleteAlarmsOutput::default())
}

pub(crate) async fn set_alarm_state(
    _: &CloudWatch,
    ctx: &Ctx,
    input: SetAlarmStateInput,
) -> Result<SetAlarmStateOutput, Error> {
    if let Some(data) = &input.state_reason_data
        && serde_json::from_str::<serde::de::IgnoredAny>(data).is_err()
    {
        let message = Some("StateReasonData is not valid JSON.".to_owned());
        return Err(InvalidFormatFault { message }.into());
    }
    let state = State {
        value: input.state_value.as_str().to_owned(),
        reason: input.state_reason,
        data: input.state_reason_data,
        updated_ms: ctx.now().epoch_ms,
    };
    let name = &input.alarm_name;
    ctx.store()
        .write(|tx| {
            let mut alarm = require(tx, ctx, name)?;
            change::to(ctx, tx, name, &mut alarm, state.clone())
        })
        .await?;
    Ok(SetAlarmStateOutput::default())
}

pub(crate) async fn enable_alarm_actions(
    _: &CloudWatch,
    ctx: &Ctx,
    input: EnableAlarmActionsInput,
) -> Result<EnableAlarmActionsOutput, Error> {
    enable(ctx, &input.alarm_names, true).await?;
    Ok(EnableAlarmActionsOutput::default())
}

pub(crate) async fn disable_alarm_actions(
    _: &CloudWatch,
    ctx: &Ctx,
    input: DisableAlarmActionsInput,
) -> Result<DisableAlarmActionsOutput, Error> {
    enable(ctx, &input.alarm_names, false).await?;
    Ok(DisableAlarmActionsOutput::default())
}

async fn enable(ctx: &Ctx, names: &[String], enabled: bool) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            for name in names {
                let mut alarm = require(tx, ctx, name)?;
                if alarm.configuration.enabled != enabled {
                    alarm.configuration.enabled = enabled;
                    alarm.configured_ms = ctx.now().epoch_ms;
                    tx.put(&ALARMS, key(ctx, name), &alarm)?;
                    let data = json!({
                        "version": "1.0", "type": "Update",
                        "updatedAlarm": {"alarmName": name, "actionsEnabled": enabled},
                    });
                    let summary = format!("Alarm \"{name}\" updated");
                    history::add(ctx, tx, name, "ConfigurationUpdate", &summary, data)?;
                }
            }
            Ok::<(), Error>(())
        })
        .await
}
