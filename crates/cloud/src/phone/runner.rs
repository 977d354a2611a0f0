//! Runs a script over a line.

use std::collections::VecDeque;

use super::{Act, Heard, Line, LineError, Script, Step, Transcript};

/// How a scripted call went.
#[derive(Debug)]
pub struct Outcome {
    /// What differs from the script; none when all is as expected.
    pub failure: Option<Failure>,
}

/// What differs from a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The line of the script; none when no line is to blame.
    pub line: Option<usize>,
    /// What was expected and what happened.
    pub why: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Runs `script` to its end, telling `transcript` all that happens. The call is hung up when the
/// script ends or fails while the flow still goes on.
pub fn run(
    script: &Script,
    line: &mut dyn Line,
    transcript: &mut dyn Transcript,
) -> Result<Outcome, LineError> {
    let mut call = Call { line, transcript, script, ahead: VecDeque::new(), state: State::Going };
    let mut failure = call.steps()?;
    while call.next()?.is_some() {}
    if call.state != State::Ended {
        call.act(&Act::HangUp)?;
        while call.next()?.is_some() {}
    }
    if failure.is_none() {
        failure = call.attributes()?;
    }
    Ok(Outcome { failure })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is more to hear.
    Going,
    /// The flow wants input.
    Wants,
    Ended,
}

struct Call<'a> {
    line: &'a mut dyn Line,
    transcript: &'a mut dyn Transcript,
    script: &'a Script,
    ahead: VecDeque<Heard>,
    state: State,
}

impl Call<'_> {
    fn steps(&mut self) -> Result<Option<Failure>, LineError> {
        for (at, step) in &self.script.steps {
            let failure = match step {
                Step::Expect(text) => self.expect(*at, text)?,
                Step::ExpectEnd => self.expect_end(*at)?,
                Step::Act(act) => self.input(*at, act)?,
            };
            if failure.is_some() {
                return Ok(failure);
            }
        }
        Ok(None)
    }

    /// The next thing heard; none when the flow wants input or has ended.
    fn next(&mut self) -> Result<Option<Heard>, LineError> {
        if self.state == State::Ended {
            return Ok(None);
        }
        if self.ahead.is_empty() && self.state == State::Going {
            self.ahead = self.line.listen()?.into();
        }
        let Some(heard) = self.ahead.pop_front() else { return Ok(None) };
        self.transcript.heard(&heard);
        match &heard {
            Heard::WantsInput => self.state = State::Wants,
            Heard::Ended { .. } => self.state = State::Ended,
            _ => return Ok(Some(heard)),
        }
        Ok(None)
    }

    /// The next prompt, held against what must not be said.
    fn next_prompt(&mut self) -> Result<Option<Result<String, Failure>>, LineError> {
        while let Some(heard) = self.next()? {
            let Heard::Prompt { text, .. } = heard else { continue };
            let refused = self.script.refuse.iter().find(|(_, refused)| text.contains(refused));
            return Ok(Some(match refused {
                Some((line, refused)) => {
                    let why = format!("{refused:?} was said: {text:?}");
                    Err(Failure { line: Some(*line), why })
                }
                None => Ok(text),
            }));
        }
        Ok(None)
    }

    fn expect(&mut self, at: usize, text: &str) -> Result<Option<Failure>, LineError> {
        let mut last = None;
        while let Some(prompt) = self.next_prompt()? {
            match prompt {
                Err(failure) => return Ok(Some(failure)),
                Ok(prompt) if prompt.contains(text) => return Ok(None),
                Ok(prompt) => last = Some(prompt),
            }
        }
        let then = match self.state {
            State::Ended => "the call ended",
            _ => "the flow waits for input",
        };
        let said =
            last.map_or("nothing was said".to_owned(), |last| format!("last said: {last:?}"));
        Ok(Some(Failure { line: Some(at), why: format!("expected {text:?}, but {then}; {said}") }))
    }

    fn expect_end(&mut self, at: usize) -> Result<Option<Failure>, LineError> {
        while let Some(prompt) = self.next_prompt()? {
            if let Err(failure) = prompt {
                return Ok(Some(failure));
            }
        }
        let why = "expected the end of the call, but the flow waits for input".to_owned();
        Ok((self.state != State::Ended).then_some(Failure { line: Some(at), why }))
    }

    /// Hears the flow out, then does `act`.
    fn input(&mut self, at: usize, act: &Act) -> Result<Option<Failure>, LineError> {
        while let Some(prompt) = self.next_prompt()? {
            if let Err(failure) = prompt {
                return Ok(Some(failure));
            }
        }
        if self.state == State::Ended {
            let why = format!("the call ended before {act}");
            return Ok(Some(Failure { line: Some(at), why }));
        }
        self.act(act)?;
        Ok(None)
    }

    fn act(&mut self, act: &Act) -> Result<(), LineError> {
        self.transcript.acted(act);
        self.line.act(act)?;
        self.ahead.clear();
        self.state = State::Going;
        Ok(())
    }

    fn attributes(&mut self) -> Result<Option<Failure>, LineError> {
        if self.script.attributes.is_empty() {
            return Ok(None);
        }
        let found = self.line.attributes()?;
        for (at, name, value) in &self.script.attributes {
            let is = found.get(name);
            if is != Some(value) {
                let is = is.map_or("is not set".to_owned(), |is| format!("is {is:?}"));
                let why = format!("expected attribute {name} {value:?}, but it {is}");
                return Ok(Some(Failure { line: Some(*at), why }));
            }
        }
        Ok(None)
    }
}
