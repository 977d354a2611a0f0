//! Filter patterns: which messages a caller wants.
//!
//! Pure: text in, a matcher out. Three forms, told apart by their first character:
//!
//! ```text
//! ERROR -DEBUG "exact phrase"            all of these, none of those     (terms.rs)
//! ?ERROR ?WARN                           at least one
//! %4[0-9]{2}%                            a regular expression
//! { $.level = "ERROR" && $.ms > 100 }    a condition on a JSON message   (json.rs)
//! [ip, ..., status = 4*, bytes]          conditions on words             (fields.rs)
//! ```
//!
//! Source of the syntax: the CloudWatch Logs user guide, "Filter pattern syntax"; of the errors'
//! texts: what AWS answered to people who reported it publicly.

mod cursor;
mod fields;
mod json;
mod operand;
mod terms;

use std::fmt;

/// Longest pattern in characters (the model's limit; checked again for callers without one).
pub const PATTERN_CHARS_MAX: usize = 1024;

/// A parsed filter pattern.
#[derive(Debug)]
pub struct Pattern(Kind);

#[derive(Debug)]
enum Kind {
    All,
    Terms(terms::Terms),
    Json(json::Expression),
    Fields(fields::Fields),
}

/// A field of what a pattern matches: `$.a.b` of JSON, `$name` of words.
#[derive(Debug)]
pub struct Reference(Field);

#[derive(Debug)]
enum Field {
    Json(Vec<json::Step>),
    Word(String),
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternError {
    /// It begins with the first bracket and does not end with the second.
    Unclosed(char, char),
    /// A term outside quotes has characters that need them.
    Term(String),
    /// Anything else; the text says what.
    Syntax(&'static str),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PatternError::Unclosed(open, close) => {
                write!(f, "If a filter pattern starts with '{open}' it must end with '{close}'")
            }
            PatternError::Term(term) => write!(f, "Invalid character(s) in term '{term}'"),
            PatternError::Syntax(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for PatternError {}

impl Pattern {
    /// Parses a pattern; the empty one matches everything.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.chars().count() > PATTERN_CHARS_MAX {
            return Err(PatternError::Syntax("the pattern is too long"));
        }
        let text = text.trim();
        let kind = match text.chars().next() {
            None => Kind::All,
            Some('{') => Kind::Json(json::Expression::parse(inside(text, '{', '}')?)?),
            Some('[') => Kind::Fields(fields::Fields::parse(inside(text, '[', ']')?)?),
            Some(_) => Kind::Terms(terms::Terms::parse(text)?),
        };
        Ok(Pattern(kind))
    }

    /// Does the message match? Time is linear in the message for each condition of the pattern.
    pub fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::All => true,
            Kind::Terms(terms) => terms.matches(message),
            Kind::Json(expression) => expression.matches(message),
            Kind::Fields(fields) => fields.matches(message),
        }
    }
}

impl Pattern {
    /// A field of the messages that this pattern matches, if it can have such.
    pub fn reference(&self, text: &str) -> Option<Reference> {
        match &self.0 {
            Kind::Json(_) => json::selector(text).map(|steps| Reference(Field::Json(steps))),
            Kind::Fields(fields) => {
                let name = text.strip_prefix('$').filter(|name| fields.has(name))?;
                Some(Reference(Field::Word(name.to_owned())))
            }
            Kind::All | Kind::Terms(_) => None,
        }
    }

    /// What a field is in a message that matches.
    pub fn value(&self, reference: &Reference, message: &str) -> Option<String> {
        match (&self.0, &reference.0) {
            (Kind::Json(_), Field::Json(steps)) => {
                json::text(json::find(&serde_json::from_str(message).ok()?, steps)?)
            }
            (Kind::Fields(fields), Field::Word(name)) => {
                let found = fields.words(message).into_iter().find(|(of, _)| of == name);
                found.map(|(_, word)| word.to_owned())
            }
            _ => None,
        }
    }

    /// The names and words of a pattern of words, in a message that matches.
    pub fn words<'a>(&'a self, message: &'a str) -> Vec<(&'a str, &'a str)> {
        match &self.0 {
            Kind::Fields(fields) => fields.words(message),
            _ => Vec::new(),
        }
    }

    /// All fields that the pattern names, as `$.a.b` or `$name`, in a message that matches.
    pub fn extracted(&self, message: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        match &self.0 {
            Kind::Fields(fields) => {
                let words = fields.words(message).into_iter();
                found.extend(words.map(|(name, word)| (format!("${name}"), word.to_owned())));
            }
            Kind::Json(expression) => {
                if let Ok(value) = serde_json::from_str(message) {
                    expression.extracted(&value, &mut found);
                }
            }
            Kind::All | Kind::Terms(_) => {}
        }
        found
    }
}

fn inside(text: &str, open: char, close: char) -> Result<&str, PatternError> {
    text.strip_prefix(open)
        .and_then(|rest| rest.strip_suffix(close))
        .ok_or(PatternError::Unclosed(open, close))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line for each message: does the pattern match it?
    fn check(pattern: &str, matching: &[&str], other: &[&str]) {
        let parsed = Pattern::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        for message in matching {
            assert!(parsed.matches(message), "{pattern} should match {message}");
        }
        for message in other {
            assert!(!parsed.matches(message), "{pattern} should not match {message}");
        }
    }

    fn refuse(pattern: &str, message: &str) {
        let error =
            Pattern::parse(pattern).err().unwrap_or_else(|| panic!("{pattern} is accepted"));
        assert_eq!(error.to_string(), message, "{pattern}");
    }

    #[test]
    fn terms() {
        check("", &["anything", ""], &[]);
        check("  ", &["anything"], &[]);
        check("ERROR", &["[ERROR 400] BAD REQUEST"], &["error", "WARN"]);
        check("ERROR REQUEST", &["[ERROR 400] BAD REQUEST"], &["ERROR", "REQUEST"]);
        check("\"INTERNAL SERVER ERROR\"", &["[ERROR 500] INTERNAL SERVER ERROR"], &["SERVER"]);
        check(r#""a \"quoted\" word""#, &[r#"a "quoted" word"#], &["a quoted word"]);
        check("ERROR -EXIT", &["ERROR"], &["ERROR EXIT", "EXIT"]);
        check("-\"no such\"", &["such"], &["no such thing"]);
        check("?ERROR ?WARN", &["ERROR", "a WARN"], &["INFO"]);
        check("?ERROR ?WARN FATAL", &["FATAL"], &["ERROR", "WARN"]);
        check("오류 -무시", &["큰 오류 발생"], &["오류, 무시"]);
        check("%ERR(O|)%".replace("(O|)", "O?").as_str(), &["ERR", "ERROR"], &["ER"]);
        check("%^4[0-9]{2}$%", &["404"], &["4040", "504"]);
        refuse("email@example.com", "Invalid character(s) in term 'email@example.com'");
        refuse("\"\"", "Invalid character(s) in term '\"\"'");
        refuse("?", "Invalid character(s) in term '?'");
        refuse("\"open", "Invalid character(s) in term '\"open'");
        refuse("%something!%", "a character is not supported in a regular expression");
        refuse("%(a)%", "a character is not supported in a regular expression");
        refuse("%a{2,1}%", "the regular expression is not valid");
    }

    #[test]
    fn json() {
        let event = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111",
            "arrayKey":["value","another"],"objectList":[{"name":"a","id":1},{"name":"b","id":2}],
            "some":null,"cluster":true,"bytes":50.5,"a-b_c":{"d":"e"}}"#;
        let yes = |pattern: &str| check(pattern, &[event], &["plain text", "[]", "{}"]);
        let no = |pattern: &str| check(pattern, &[], &[event, "plain text"]);
        yes(r#"{ $.eventType = "UpdateTrail" }"#);
        yes("{$.eventType=UpdateTrail}");
        yes(r#"{ $.eventType = "Update*" && $.eventType = "*Trail" && $.eventType = "*e*r*" }"#);
        no(r#"{ $.eventType = "updatetrail" }"#);
        yes("{ $.sourceIPAddress != 123.123.* }");
        no("{ $.sourceIPAddress = 123.123.* }");
        yes(r#"{ $.arrayKey[0] = "value" }"#);
        no(r#"{ $.arrayKey[1] = "value" }"#);
        yes(r#"{ $.arrayKey[*] = "another" }"#);
        yes("{ $.objectList[1].id = 2 }");
        yes("{ $.objectList[*].id > 1 }");
        no(r#"{ $.arrayKey = "value" }"#);
        no(r#"{ $.missing != "x" }"#);
        yes("{ $.some IS NULL }");
        no("{ $.missing IS NULL }");
        check("{ $.missing NOT EXISTS }", &[event, "{}"], &["plain text"]);
        no("{ $.some NOT EXISTS }");
        yes("{ $.cluster IS TRUE }");
        no("{ $.cluster IS FALSE }");
        yes("{ $.bytes > 50 && $.bytes <= 5.05e1 && $.bytes != 3 }");
        no("{ $.bytes < 50.5 }");
        no("{ $.eventType > 1 }");
        yes(r#"{ $.a-b_c.d = "e" }"#);
        yes(r#"{ ($.bytes = 1 || $.bytes = 50.5) && ($.eventType = %^Update[A-Z]% ) }"#);
        yes("{ $.bytes = 1 && $.cluster IS TRUE || $.some IS NULL }");
        check("{ $[0].x = 1 }", &[r#"[{"x":1}]"#], &[event]);
        refuse("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'");
        for bad in ["{}", "{ a = 1 }", "{ $.a }", "{ $.a = }", "{ $.a = 1 $.b = 2 }", "{ $. = 1 }"]
        {
            refuse(bad, "the JSON pattern is not valid");
        }
        refuse("{ $.a > x }", "an order comparison needs a number");
        refuse("{ $.a[*].b[*] = 1 }", "a selector may have one wildcard");
        refuse(
            "{ $.a = %a% || $.b = %b% || $.c = %c% }",
            "a pattern may have two regular expressions",
        );
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(100), ")".repeat(100));
        refuse(&deep, "the pattern is nested too deeply");
    }

    #[test]
    fn fields() {
        let line = r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
        let yes = |pattern: &str| check(pattern, &[line], &["one", ""]);
        let no = |pattern: &str| check(pattern, &[], &[line]);
        yes("[ip, user, username, timestamp, request, status_code, bytes]");
        yes("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]");
        no("[ip, user, username, timestamp, request = *html*, status_code = 5*, bytes]");
        yes("[..., status_code = 404, bytes > 1000]");
        no("[..., status_code = 404, bytes < 1000]");
        yes("[ip != 10.*, ..., bytes]");
        yes("[ip, ..., status_code = 4* && status_code != 400, bytes]");
        yes("[ip = 10.* || ip = 127.0.0.*, user, ...]");
        yes(r#"[ip, user, username, timestamp = "10/Oct/2000:13:25:15 -0700", ...]"#);
        check("[w1=ERROR, w2]", &["ERROR 400 BAD REQUEST", "ERROR 1"], &["WARN 1", "ERROR"]);
        check("[w1=ERROR || w1=%WARN%, w2]", &["ERROR 1", "XWARNX 2"], &["INFO 3"]);
        refuse("[a, b", "If a filter pattern starts with '[' it must end with ']'");
        for bad in ["[]", "[a,,b]", "[a = 1 && b = 2]", "[a =]", "[a b]", "[..., a, ...]", "[=1]"] {
            refuse(bad, "the field pattern is not valid");
        }
    }

    #[test]
    fn values_of_what_matches() {
        let check = |pattern: &str, reference: &str, message: &str, expected: Option<&str>| {
            let pattern = Pattern::parse(pattern).unwrap();
            let reference = pattern.reference(reference);
            let found = reference.and_then(|reference| pattern.value(&reference, message));
            assert_eq!(found.as_deref(), expected, "{pattern:?} {message}");
        };
        let event = r#"{"ms": 2.5, "who": {"names": ["a", "b"]}, "ok": true, "none": null}"#;
        let json = "{ $.ms > 1 }";
        check(json, "$.ms", event, Some("2.5"));
        check(json, "$.who.names[1]", event, Some("b"));
        check(json, "$.ok", event, Some("true"));
        for nothing in ["$.none", "$.who", "$.missing", "$.who.names[*]", "$ms", "ms", "$"] {
            check(json, nothing, event, None);
        }
        let words = "[ip, ..., status, bytes]";
        let line = r#"127.0.0.1 - "GET /" 404 1534"#;
        check(words, "$ip", line, Some("127.0.0.1"));
        check(words, "$status", line, Some("404"));
        check(words, "$bytes", line, Some("1534"));
        check(words, "$other", line, None);
        check(words, "$.ip", line, None);
        check("ERROR", "$.ms", event, None);
        let extracted = |pattern: &str, message: &str| {
            let found = Pattern::parse(pattern).unwrap().extracted(message);
            let pair = |(name, value): &(String, String)| format!("{name}={value}");
            found.iter().map(pair).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(extracted(words, line), "$ip=127.0.0.1 $status=404 $bytes=1534");
        let both = "{ $.ms > 1 && ($.who.names[*] = b || $.missing = 1) }";
        assert_eq!(extracted(both, event), "$.ms=2.5 $.who.names[*]=a");
    }

    #[test]
    fn odd_input_never_panics() {
        let pieces = ["{", "}", "[", "]", "$", ".", "*", "=", "!=", ">", "\"", "\\", "%", "(", ")"];
        let more = ["&&", "||", ",", "...", "?", "-", " ", "가", "IS", "NOT", "EXISTS", "1e9", "a"];
        let all: Vec<&str> = pieces.into_iter().chain(more).collect();
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(all[(state >> 33) as usize % all.len()]);
            }
            if let Ok(pattern) = Pattern::parse(&text) {
                for message in ["", "a b", r#"{"a":[1,{"가":"x"}]}"#, "\"[ ]\" 가%", "[a\" "] {
                    pattern.matches(message);
                    pattern.extracted(message);
                }
            }
        }
    }
}
