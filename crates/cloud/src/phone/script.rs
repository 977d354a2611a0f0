//! Callers as scripts: one instruction to a line. The language is described for people in
//! `examples/flight-desk/README.md`.

use std::fmt;

use super::Act;

/// A script may have so many lines; nobody types more.
const LINES_MAX: usize = 10_000;

/// One instruction of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Reads on until a prompt contains the text.
    Expect(String),
    /// Does something.
    Act(Act),
    /// Reads on until the flow ends the call.
    ExpectEnd,
}

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// What reports call it.
    pub title: Option<String>,
    /// The caller's number.
    pub from: Option<String>,
    /// Which of the demo's desks is called.
    pub desk: Option<String>,
    /// What to do, with the number of its line.
    pub steps: Vec<(usize, Step)>,
    /// Texts that no prompt may contain, with their line.
    pub refuse: Vec<(usize, String)>,
    /// Attributes of the contact after the call: line, name, value.
    pub attributes: Vec<(usize, String, String)>,
}

/// What is wrong with a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let mut script = Script::default();
        for (index, line) in text.lines().enumerate() {
            let at = index + 1;
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let failed = |problem: String| ScriptError { line: at, problem };
            if at > LINES_MAX {
                return Err(failed(format!("a script has at most {LINES_MAX} lines")));
            }
            script.instruction(at, line).map_err(failed)?;
        }
        Ok(script)
    }

    fn instruction(&mut self, at: usize, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match word {
            "title" => self.title = Some(quoted(rest)?),
            "from" => self.from = Some(number(rest)?),
            "desk" => self.desk = Some(one_word(rest)?),
            "expect" => self.steps.push((at, Step::Expect(quoted(rest)?))),
            "press" => self.steps.push((at, Step::Act(Act::Press(keys(rest)?)))),
            "say" => self.steps.push((at, Step::Act(Act::Say(quoted(rest)?)))),
            "wait" => self.steps.push((at, Step::Act(nothing_after(rest, Act::Wait)?))),
            "hang-up" => self.steps.push((at, Step::Act(nothing_after(rest, Act::HangUp)?))),
            "expect-end" => self.steps.push((at, nothing_after(rest, Step::ExpectEnd)?)),
            "refuse" => self.refuse.push((at, quoted(rest)?)),
            "attribute" => {
                let (name, value) =
                    rest.split_once(char::is_whitespace).ok_or("it takes a name and a value")?;
                self.attributes.push((at, name.to_owned(), quoted(value.trim())?));
            }
            _ => return Err(format!("no instruction is named {word:?}")),
        }
        Ok(())
    }
}

fn nothing_after<T>(rest: &str, value: T) -> Result<T, String> {
    if rest.is_empty() { Ok(value) } else { Err(format!("nothing may follow, not {rest:?}")) }
}

fn one_word(rest: &str) -> Result<String, String> {
    match rest.is_empty() || rest.contains(char::is_whitespace) {
        true => Err("it takes one word".into()),
        false => Ok(rest.to_owned()),
    }
}

/// A telephone number in E.164 form.
pub fn number(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} is no number like +821000001001"))
    }
}

/// Keys of a telephone.
pub fn keys(text: &str) -> Result<String, String> {
    let fits =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#');
    if fits { Ok(text.to_owned()) } else { Err(format!("{text:?} are no keys of a telephone")) }
}

fn quoted(text: &str) -> Result<String, String> {
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or("it takes a text in double quotes")?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped @ ('"' | '\\')) => out.push(escaped),
                _ => return Err(r#"after \ comes " or \"#.into()),
            },
            '"' => return Err(r#"a quote inside a text is written \""#.into()),
            _ => out.push(c),
        }
    }
    if out.is_empty() { Err("the text is empty".into()) } else { Ok(out) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Vec<Step>, &str>) {
        let found = Script::parse(text);
        let found = found.map(|s| s.steps.into_iter().map(|(_, step)| step).collect::<Vec<_>>());
        assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn reads_every_instruction() {
        let script = Script::parse(
            "# comment\ntitle \"손님 \\\"갑\\\"\"\nfrom +821000001001\n desk slow \n\nexpect \"여행편\"\n\
             press 1#\nsay \"네\"\nwait\nhang-up\nexpect-end\nrefuse \"GR415\"\nattribute topic \"a b\"\n",
        )
        .unwrap();
        assert_eq!(script.title.as_deref(), Some("손님 \"갑\""));
        assert_eq!(script.from.as_deref(), Some("+821000001001"));
        assert_eq!(script.desk.as_deref(), Some("slow"));
        assert_eq!(script.refuse, [(12, "GR415".to_owned())]);
        assert_eq!(script.attributes, [(13, "topic".to_owned(), "a b".to_owned())]);
        let steps: Vec<Step> = script.steps.into_iter().map(|(_, step)| step).collect();
        assert_eq!(
            steps,
            [
                Step::Expect("여행편".into()),
                Step::Act(Act::Press("1#".into())),
                Step::Act(Act::Say("네".into())),
                Step::Act(Act::Wait),
                Step::Act(Act::HangUp),
                Step::ExpectEnd,
            ]
        );
    }

    #[test]
    fn refuses_what_is_no_script() {
        check("", Ok(vec![]));
        check("\n\nfly", Err("line 3: no instruction is named \"fly\""));
        check("expect hello", Err("line 1: it takes a text in double quotes"));
        check("expect \"\"", Err("line 1: the text is empty"));
        check("expect \"", Err("line 1: it takes a text in double quotes"));
        check("expect \"a\\n\"", Err("line 1: after \\ comes \" or \\"));
        check("expect \"a\"b\"", Err("line 1: a quote inside a text is written \\\""));
        check("press 1 2", Err("line 1: \"1 2\" are no keys of a telephone"));
        check("from 010", Err("line 1: \"010\" is no number like +821000001001"));
        check("wait 5", Err("line 1: nothing may follow, not \"5\""));
        check("attribute x", Err("line 1: it takes a name and a value"));
    }
}
