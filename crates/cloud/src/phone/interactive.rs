//! A call at the terminal: prompts appear, digits or words are typed.

use std::io::{self, BufRead, IsTerminal as _, Write as _};
use std::process::ExitCode;

use super::transcript::Printed;
use super::{Act, Heard, Line, LineError, Transcript, script};

const HELP: &str = "keys like 1 or 410021#, words, an empty line to stay silent, Ctrl-D to hang up";

/// Talks with the flow until one of both hangs up.
pub fn run(line: &mut dyn Line, steps: bool) -> Result<ExitCode, LineError> {
    let mut out = Printed { out: io::stdout(), steps, indent: "" };
    let mut input = io::stdin().lock();
    let terminal = io::stdin().is_terminal();
    if terminal {
        println!("({HELP})");
    }
    loop {
        let mut wants = false;
        for heard in line.listen()? {
            out.heard(&heard);
            wants |= heard == Heard::WantsInput;
            if matches!(heard, Heard::Ended { .. }) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        let act = if wants { ask(&mut input, terminal) } else { Act::HangUp };
        if !terminal || !matches!(act, Act::Press(_) | Act::Say(_)) {
            out.acted(&act);
        }
        line.act(&act)?;
    }
}

fn ask(input: &mut dyn BufRead, terminal: bool) -> Act {
    if terminal {
        print!("> ");
        let _ = io::stdout().flush();
    }
    let mut text = String::new();
    match input.read_line(&mut text) {
        Ok(0) | Err(_) => Act::HangUp,
        Ok(_) => match text.trim() {
            "" => Act::Wait,
            keys if script::keys(keys).is_ok() => Act::Press(keys.to_owned()),
            words => Act::Say(words.to_owned()),
        },
    }
}
