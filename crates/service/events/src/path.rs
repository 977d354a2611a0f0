//! JSON paths: `$`, `.name`, `['name']`, `[0]`, `[*]`.

use serde_json::Value as Json;

/// Steps of a path.
const STEPS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Name(String),
    Index(usize),
    Each,
}

/// A path that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    /// Reads a path; nothing for a text that is none.
    pub fn parse(text: &str) -> Option<Path> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if steps.len() == STEPS_MAX {
                return None;
            }
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                let odd = |c: char| c.is_whitespace() || "*]'\"()?@,:".contains(c);
                if name.is_empty() || name.contains(odd) {
                    return None;
                }
                steps.push(Step::Name(name.to_owned()));
                rest = after;
                continue;
            }
            let after = rest.strip_prefix('[')?;
            let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'));
            if let Some(quote) = quote {
                let (name, after) = after[1..].split_once(quote)?;
                steps.push(Step::Name(name.to_owned()));
                rest = after.strip_prefix(']')?;
                continue;
            }
            let (index, after) = after.split_once(']')?;
            steps.push(match index {
                "*" => Step::Each,
                digits => Step::Index(digits.parse().ok()?),
            });
            rest = after;
        }
        Some(Path(steps))
    }

    /// What it leads to.
    pub fn of(&self, value: &Json) -> Option<Json> {
        go(value, &self.0)
    }
}

fn go(value: &Json, steps: &[Step]) -> Option<Json> {
    let Some((step, rest)) = steps.split_first() else { return Some(value.clone()) };
    match step {
        Step::Name(name) => go(value.get(name)?, rest),
        Step::Index(index) => go(value.get(index)?, rest),
        Step::Each => {
            let items = value.as_array()?.iter().filter_map(|item| go(item, rest));
            Some(Json::Array(items.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let event =
            serde_json::json!({"detail": {"a b": [1, {"c": "x"}], "d": [{"e": 1}, {"e": 2}]}});
        let check = |path: &str, expected: &str| {
            let path = Path::parse(path).map(|path| path.of(&event));
            let found = match path {
                None => "no path".to_owned(),
                Some(None) => "nothing".to_owned(),
                Some(Some(value)) => value.to_string(),
            };
            assert_eq!(found, expected);
        };
        check("$", &event.to_string());
        check("$.detail['a b'][1].c", "\"x\"");
        check("$.detail[\"a b\"][0]", "1");
        check("$.detail.d[*].e", "[1,2]");
        check("$.detail.none", "nothing");
        check("$.detail.d[9]", "nothing");
        for bad in ["", "detail", "$.", "$..a", "$.a[", "$.a[x]", "$.a[?(@.b)]", "$.*", "$a"] {
            check(bad, "no path");
        }
    }
}
