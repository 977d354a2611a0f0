//! The caller's turns.

use super::records::CALLS;
use super::{CallError, Calls, record, turn};
use flow::{Event, Waiting};
use kernel::Kernel;
use serde::{Deserialize, Serialize};

/// Keys a caller can press at once.
const KEYS_MAX: usize = 255;

/// What a caller does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum CallerAct {
    /// Presses keys: `0`-`9`, `*`, `#`.
    Press {
        /// The keys, all that are meant for this input.
        digits: String,
    },
    /// Does nothing until the time for input has passed.
    Silence,
    /// Hangs up.
    HangUp,
}

impl Calls {
    /// Takes the caller's turn; what comes of it is told by [`Calls::events`]. A caller can hang
    /// up at any time, and do the rest when the flow wants input.
    ///
    /// # Errors
    /// [`CallError::NotYourTurn`], [`CallError::Ended`], [`CallError::InvalidKeys`], ….
    pub async fn act(
        &self,
        kernel: &Kernel,
        call_id: &str,
        act: CallerAct,
    ) -> Result<(), CallError> {
        let event = match act {
            CallerAct::HangUp => return self.hang_up(kernel, call_id).await,
            CallerAct::Silence => Event::InputTimeout,
            CallerAct::Press { digits } => Event::Digits { digits: checked(digits)? },
        };
        self.end_if_lost(kernel, call_id).await?;
        let live = self.live(call_id);
        if !self.take_turn(kernel, call_id, None).await? {
            return Err(CallError::NotYourTurn);
        }
        self.spawn(kernel, call_id, event, live);
        Ok(())
    }

    /// Begins the next turn if the flow wants input and, if given, `turn` is the present one.
    /// Answers whether it does.
    pub(super) async fn take_turn(
        &self,
        kernel: &Kernel,
        call_id: &str,
        turn: Option<u64>,
    ) -> Result<bool, CallError> {
        kernel
            .store()
            .write(|tx| {
                let mut record = record(tx, call_id)?;
                if turn.is_some_and(|turn| turn != record.turn) {
                    return Ok(false);
                }
                if record.ended() {
                    return Err(CallError::Ended);
                }
                if record.busy || record.state.waiting != Waiting::Digits {
                    return Ok(false);
                }
                record.turn += 1;
                record.busy = true;
                let ctx =
                    kernel.service_ctx("connect.amazonaws.com", &record.account, &record.region);
                turn::limit(tx, &ctx, call_id, record.turn)?;
                tx.put(&CALLS, call_id, &record)?;
                Ok(true)
            })
            .await
    }

    /// Ends the call as the caller.
    pub(super) async fn hang_up(&self, kernel: &Kernel, call_id: &str) -> Result<(), CallError> {
        self.step(kernel, call_id, Event::CustomerHungUp).await.map(drop)
    }
}

fn checked(digits: String) -> Result<String, CallError> {
    let key = |key: u8| key.is_ascii_digit() || key == b'*' || key == b'#';
    if digits.is_empty() || digits.len() > KEYS_MAX || !digits.bytes().all(key) {
        return Err(CallError::InvalidKeys(digits.chars().take(KEYS_MAX).collect()));
    }
    Ok(digits)
}
