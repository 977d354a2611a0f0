//! An alarm gets another state: the row, the history and what is to be done about it, together.

use api_cloudwatch::Error;
use kernel::Ctx;
use serde_json::{Value as Json, json};
use store::WriteTx;

use super::{ALARMS, Alarm, State, act, announce, history, key};

/// Writes the alarm with a new state. Actions follow only if its value is another one.
pub(crate) fn to(
    ctx: &Ctx,
    tx: &mut WriteTx,
    name: &str,
    alarm: &mut Alarm,
    new: State,
) -> Result<(), Error> {
    let old = std::mem::replace(&mut alarm.state, new);
    let new = &alarm.state;
    if old.value != new.value {
        alarm.transitioned_ms = new.updated_ms;
        let data = json!({"version": "1.0", "oldState": told(&old), "newState": told(new)});
        let summary = format!("Alarm updated from {} to {}", old.value, new.value);
        history::add(ctx, tx, name, "StateUpdate", &summary, data)?;
        announce::emit(ctx, tx, name, alarm, &old)?;
        if alarm.configuration.enabled {
            for action in alarm.configuration.actions(&new.value) {
                act::emit(ctx, tx, name, alarm, &old, action)?;
            }
        }
    }
    tx.put(&ALARMS, key(ctx, name), alarm)?;
    Ok(())
}

fn told(state: &State) -> Json {
    let mut told = json!({"stateValue": state.value, "stateReason": state.reason});
    if let Some(data) = state.data.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
        told["stateReasonData"] = data;
    }
    told
}
