//! What to do about a text that is no YAML. A parser says where it gave up and what it wanted there;
//! people want the line that they got wrong and what to write in it.

use crate::node::Position;

/// What to do, as the end of an error's sentence; nothing, where that is not known.
pub(crate) fn advice(text: &str, at: Position, complaint: &str) -> String {
    let page = Page { lines: text.lines().collect(), at, complaint };
    let all = [
        Page::tabs,
        Page::odd_spaces,
        Page::json,
        Page::quotes,
        Page::brackets,
        Page::spaces_after,
        Page::marks,
        Page::colons,
        Page::indentation,
    ];
    all.iter().find_map(|one| one(&page)).map(|what| format!("; {what}")).unwrap_or_default()
}

/// The text, and where the parser gave up.
struct Page<'a> {
    lines: Vec<&'a str>,
    at: Position,
    complaint: &'a str,
}

/// A line without its indentation and its comment, and how far it is indented.
fn content(line: &str) -> (usize, &str) {
    let inner = line.trim_start_matches(' ');
    let end = if inner.starts_with('#') { 0 } else { inner.find(" #").unwrap_or(inner.len()) };
    (line.len() - inner.len(), inner[..end].trim_end())
}

/// A line's key, which may begin an item of a list, and what follows its colon.
fn key(inner: &str) -> Option<(&str, &str)> {
    let inner = inner.trim_start_matches("- ").trim_start();
    let (key, rest) = inner.split_once(':')?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (!key.is_empty() && key.bytes().all(plain)).then_some((key, rest))
}

impl Page<'_> {
    fn says(&self, part: &str) -> bool {
        self.complaint.contains(part)
    }

    /// The number of the line where the parser gave up, within the text.
    fn last(&self) -> usize {
        (self.at.line as usize).clamp(1, self.lines.len().max(1))
    }

    /// Lines to there from the last to the first, with their numbers, that say something.
    fn above(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().take(self.last()).enumerate().rev();
        lines
            .map(|(place, line)| (place + 1, *line))
            .filter(|(_, line)| !content(line).1.is_empty())
    }

    fn is_json(&self) -> bool {
        let first = self.lines.iter().find(|line| !line.trim().is_empty());
        first.is_some_and(|line| line.trim_start().starts_with('{'))
    }

    fn tabs(&self) -> Option<String> {
        let indented = |line: &str| {
            let spaces = line.len() - line.trim_start().len();
            line[..spaces].contains('\t')
        };
        let (line, _) = self.above().take(2).find(|(_, line)| indented(line))?;
        (!self.is_json()).then(|| format!("indent line {line} with spaces in place of tabs"))
    }

    /// Spaces that only look like spaces, as texts from documents have them.
    fn odd_spaces(&self) -> Option<String> {
        let odd = |c: char| c != ' ' && c != '\t' && c.is_whitespace();
        let (line, _) = self
            .above()
            .take(2)
            .find(|(_, line)| line.chars().take_while(|c| c.is_whitespace()).any(odd))?;
        Some(format!(
            "line {line} is indented with characters that only look like spaces: retype them"
        ))
    }

    fn json(&self) -> Option<String> {
        if !self.is_json() {
            return None;
        }
        let text = self.lines.join("\n");
        let error = serde_json::from_str::<serde_json::Value>(&text).err()?;
        let (line, said) = (error.line(), error.to_string());
        let begins = |what: &str| said.starts_with(what);
        let of_line = self.lines.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let odd = of_line.replace("\\\"", "").matches('"').count() % 2 == 1;
        Some(if odd || begins("EOF while parsing a string") {
            format!("close the quotes of a text in line {line} with \"")
        } else if begins("EOF") {
            return self.brackets();
        } else if begins("trailing comma") {
            format!("take the comma before the end in line {line} away")
        } else if begins("expected `,`") {
            format!("put a comma after what stands before line {line}, column {}", error.column())
        } else if begins("expected `:`") {
            format!("put a colon after the key in line {line}")
        } else if of_line.contains("//") {
            format!("JSON has no comments: take the one in line {line} away")
        } else if begins("key must be a string") {
            format!("write the key in line {line} in double quotes")
        } else {
            format!("as JSON: {said}")
        })
    }

    /// A text whose quotes are not closed in its line, where the parser minds.
    fn quotes(&self) -> Option<String> {
        let minds = self.says("quoted scalar")
            || self.says("expected key")
            || self.says("trailing")
            || self.says("',' or")
            || self.says("expect ':'")
            || self.says("not allowed");
        if self.says("escape character") {
            let what = "write \\\\ for a backslash within double quotes, or use single quotes";
            return Some(what.into());
        }
        let open = |line: &str| {
            let (_, inner) = content(line);
            let value = key(inner).map_or(inner.trim_start_matches("- "), |(_, rest)| rest.trim());
            let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let plain = value.replace("\\\"", "").replace("''", "");
            (plain.matches(quote).count() % 2 == 1).then_some(quote)
        };
        let lines = self.lines.iter().take(self.last()).enumerate();
        let mut open = lines.filter_map(|(place, line)| Some((place + 1, open(line)?)));
        let (line, quote) = open.next().filter(|_| minds)?;
        Some(format!("close the quotes of line {line} with {quote}"))
    }

    /// A bracket that is open where the parser gave up, or one that closes nothing.
    fn brackets(&self) -> Option<String> {
        let minds = self.is_json()
            || [
                "',' or",
                "flow",
                "misplaced bracket",
                "unexpected eof",
                "inside a block",
                "illegal placement",
                "expected <document",
                "expect ':'",
                "not allowed",
            ]
            .iter()
            .any(|part| self.says(part));
        if !minds {
            return None;
        }
        let open = self.open_brackets();
        if self.says("misplaced bracket") || self.says("expected <document") {
            let line = self.at.line;
            return Some(format!("take the bracket in line {line} that closes nothing away"));
        }
        let (line, bracket) = *open.last()?;
        if self.lines[line - 1].contains("{${") || self.lines[line - 1].contains("[${") {
            return Some(format!("write what begins with ${{ in line {line} in quotes"));
        }
        let end = if bracket == '{' { '}' } else { ']' };
        if line == self.last() && !self.is_json() && self.at.column > 1 {
            let text = self.lines[line - 1];
            let rest: String = text.chars().skip(self.at.column as usize - 1).collect();
            if rest.contains(end) {
                return Some(format!("put a comma between the members in line {line}"));
            }
        }
        Some(format!("close the {bracket} of line {line} with {end}"))
    }

    /// Brackets that are open where the parser gave up: their lines, and what they are.
    fn open_brackets(&self) -> Vec<(usize, char)> {
        let mut open = Vec::new();
        for (place, line) in self.lines.iter().take(self.last()).enumerate() {
            let ended = self.at.line as usize > self.lines.len();
            let whole = place + 1 < self.last() || ended || self.is_json();
            let chars = if whole { usize::MAX } else { self.at.column as usize - 1 };
            let mut quote = None;
            let mut before = ' ';
            for c in line.chars().take(chars) {
                match (quote, c) {
                    (Some(end), _) if c == end && before != '\\' => quote = None,
                    (Some(_), _) => {}
                    (None, '"' | '\'') if !before.is_alphanumeric() => quote = Some(c),
                    (None, '#') if before == ' ' => break,
                    // A plain text may have brackets inside: `a[0]`, `${name}`.
                    (None, '{' | '[') if !open.is_empty() || " -:".contains(before) => {
                        open.push((place + 1, c));
                    }
                    (None, '}' | ']') => drop(open.pop()),
                    _ => {}
                }
                before = c;
            }
        }
        open
    }

    /// `Key:value`, `-item`.
    fn spaces_after(&self) -> Option<String> {
        for (line, text) in self.above().take(2) {
            let (_, inner) = content(text);
            if let Some((key, rest)) = key(inner)
                && rest.starts_with(|c: char| !c.is_whitespace() && c != ':')
            {
                return Some(format!("put a space after the colon in line {line}: {key}: {rest}"));
            }
            let item = inner.strip_prefix('-').filter(|rest| !rest.starts_with(['-', ' ']));
            if let Some(rest) = item.filter(|rest| !rest.is_empty()) {
                return Some(format!("put a space after the dash in line {line}: - {rest}"));
            }
        }
        None
    }

    /// Characters that mean something to YAML where a value begins.
    fn marks(&self) -> Option<String> {
        let (_, inner) = content(self.lines.get(self.last() - 1)?);
        let value = key(inner).map_or(inner.trim_start_matches("- "), |(_, rest)| rest.trim());
        let mark = value.chars().next().filter(|c| "*&@`%|>!".contains(*c))?;
        let minds = [
            "unexpected character",
            "alias",
            "anchor",
            "cannot start",
            "node content",
            "tag",
            "directive",
        ];
        if !minds.iter().any(|part| self.says(part)) || value.contains('\'') {
            return None;
        }
        let what = match mark {
            '*' => "begins an alias",
            '&' => "begins an anchor",
            _ => "means something to YAML",
        };
        Some(format!("{mark} {what}: write the value in quotes, '{value}'"))
    }

    /// `Key value`, and values with a colon and a space in them.
    fn colons(&self) -> Option<String> {
        if !["expect ':'", "key expected", "expected key", "not allowed"]
            .iter()
            .any(|part| self.says(part))
        {
            return None;
        }
        let last = content(self.lines.get(self.last() - 1)?).1;
        if self.says("not allowed")
            && let Some((key, rest)) = key(last)
            && rest.trim().contains(": ")
        {
            let value = rest.trim();
            return Some(format!("write a value that has a colon in quotes: {key}: '{value}'"));
        }
        let has_none = |text: &str| {
            let (_, inner) = content(text);
            let item = inner.starts_with('-');
            !item && !inner.contains(": ") && !inner.ends_with(':') && !"[]{}".contains(inner)
        };
        let (line, text) = self.above().take(2).find(|(_, text)| has_none(text))?;
        let (_, inner) = content(text);
        let fixed = match inner.split_once(' ') {
            Some((key, value)) => format!("{key}: {value}"),
            None => format!("{inner}:"),
        };
        Some(format!("put a colon after the key in line {line}: {fixed}"))
    }

    /// A line that begins between the levels above it, or below a value.
    fn indentation(&self) -> Option<String> {
        let mut above = self.above();
        let (line, text) = above.next()?;
        let own = content(text).0;
        let (before, text) = above.next()?;
        let (level, inner) = content(text);
        let has_value = key(inner).is_some_and(|(_, rest)| !rest.trim().is_empty());
        if own > level && has_value {
            return Some(format!(
                "line {line} is indented by {own} spaces, below a key that has a value: indent it by {level} as line {before}"
            ));
        }
        let mut levels = vec![level];
        for (_, text) in above {
            let (level, _) = content(text);
            if levels.last().is_some_and(|last| level < *last) {
                levels.push(level);
            }
        }
        if own > level || levels.contains(&own) {
            return None;
        }
        let near = levels.into_iter().min_by_key(|level| level.abs_diff(own))?;
        Some(format!(
            "line {line} is indented by {own} spaces, which fits nothing above it: indent it by {near}"
        ))
    }
}
