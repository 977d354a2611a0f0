//! Calls as text for people.

use std::io::Write;

use super::{Act, Heard};

/// Is told all that happens in a call, as it happens.
pub trait Transcript {
    /// The flow's side.
    fn heard(&mut self, heard: &Heard);
    /// The caller's side.
    fn acted(&mut self, act: &Act);
}

/// Tells several.
impl<A: Transcript + ?Sized, B: Transcript + ?Sized> Transcript for (&mut A, &mut B) {
    fn heard(&mut self, heard: &Heard) {
        self.0.heard(heard);
        self.1.heard(heard);
    }

    fn acted(&mut self, act: &Act) {
        self.0.acted(act);
        self.1.acted(act);
    }
}

/// Prints a call: prompts and functions, and every step of the flow if asked for.
pub struct Printed<W> {
    /// Where to.
    pub out: W,
    /// Also prints every action of the flow.
    pub steps: bool,
    /// Put before every line.
    pub indent: &'static str,
}

impl<W: Write> Printed<W> {
    fn line(&mut self, mark: &str, text: &str) {
        // Nobody is left to tell when the output is gone.
        let _ = writeln!(self.out, "{}{mark} {}", self.indent, shown(text));
    }
}

impl<W: Write> Transcript for Printed<W> {
    fn heard(&mut self, heard: &Heard) {
        match heard {
            Heard::Prompt { text, .. } => self.line("<", text),
            Heard::Step { action, kind, result, .. } if self.steps => {
                let result = result.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
                self.line(".", &format!("{action} ({kind}){result}"));
            }
            Heard::Step { .. } | Heard::WantsInput => {}
            Heard::Lambda { function, elapsed_ms, answer, error, canned } => {
                let canned = if *canned { ", canned answer" } else { "" };
                let outcome = match (answer, error) {
                    (Some(answer), _) => answer.to_string(),
                    (None, Some(why)) => format!("failed: {why}"),
                    (None, None) => "(not waited for)".into(),
                };
                self.line("λ", &format!("{function} ({elapsed_ms} ms{canned}) {outcome}"));
            }
            Heard::Pause { pause_ms } => self.line(".", &format!("pause of {} s", pause_ms / 1000)),
            Heard::Warning { text } => self.line("!", text),
            Heard::Ended { reason } => self.line("=", reason),
        }
    }

    fn acted(&mut self, act: &Act) {
        self.line(">", &act.to_string());
    }
}

/// Text from a flow or a function may hold anything; a terminal must not obey it.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Keeps a call for `--json`.
#[derive(Default)]
pub struct Recorded(pub Vec<serde_json::Value>);

impl Transcript for Recorded {
    fn heard(&mut self, heard: &Heard) {
        // Plain data: it has no way to fail.
        self.0.extend(serde_json::to_value(heard));
    }

    fn acted(&mut self, act: &Act) {
        self.0.push(serde_json::json!({"type": "caller", "does": act.to_string()}));
    }
}
