//! ARNs, and patterns that match them part by part.

use crate::context::Context;
use crate::template::{Syntax, Template, Truth, any, braces};

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`; the last part may hold more colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub account: &'a str,
    /// The parts after `arn`.
    pub parts: [&'a str; 5],
}

impl<'a> Arn<'a> {
    /// `None`: this is no ARN.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.splitn(6, ':');
        if rest.next()? != "arn" {
            return None;
        }
        let mut parts = [""; 5];
        for part in &mut parts {
            *part = rest.next()?;
        }
        Some(Self { account: parts[3], parts })
    }
}

/// What a policy says of an ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ArnPattern {
    /// `*`: whatever it is.
    Any,
    /// No ARN at all; compared as a text.
    Text(Template),
    /// No ARN where there must be one.
    Broken,
    /// Part by part: a wildcard never reaches over one of the first five colons.
    Parts(Box<[Template; 5]>),
}

impl ArnPattern {
    /// A pattern of `Resource` and `NotResource`. What is missing at its end is `*`.
    pub fn resource(text: &str, variables: bool) -> Self {
        Self::new(text, variables, true)
    }

    /// An operand of `ArnLike` and its like. One that is no ARN makes no sense.
    pub fn operand(text: &str, variables: bool) -> Self {
        Self::new(text, variables, false)
    }

    fn new(text: &str, variables: bool, completes: bool) -> Self {
        let syntax = Syntax { wildcards: true, variables };
        if text == "*" {
            return Self::Any;
        }
        let parts = split(text, variables);
        if parts.len() < 2 || parts[0] != "arn" || parts.len() < 6 && !completes {
            let template = Template::new(text, syntax);
            // A variable may hold a whole ARN.
            let makes_sense = completes || !template.variables().is_empty();
            return if makes_sense { Self::Text(template) } else { Self::Broken };
        }
        let part = |at: usize| Template::new(parts.get(at).copied().unwrap_or("*"), syntax);
        Self::Parts(Box::new([part(1), part(2), part(3), part(4), part(5)]))
    }

    /// Whether it matches the text, whose parts are `arn` if it is an ARN.
    pub fn matches(&self, text: &str, arn: Option<&Arn>, context: &dyn Context) -> Truth {
        match self {
            Self::Any => Truth::Yes,
            Self::Broken => Truth::Unknown,
            Self::Text(template) => template.matches(text, context),
            Self::Parts(templates) => {
                let Some(arn) = arn else { return Truth::No };
                let mut all = Truth::Yes;
                // The last part tells most.
                for (template, part) in templates.iter().zip(arn.parts).rev() {
                    match template.matches(part, context) {
                        Truth::No => return Truth::No,
                        Truth::Unknown => all = Truth::Unknown,
                        Truth::Yes => {}
                    }
                }
                all
            }
        }
    }

    pub fn templates(&self) -> &[Template] {
        match self {
            Self::Any | Self::Broken => &[],
            Self::Text(template) => std::slice::from_ref(template),
            Self::Parts(templates) => &templates[..],
        }
    }
}

/// Whether any of the patterns matches.
pub(crate) fn any_matches(
    patterns: &[ArnPattern],
    text: &str,
    arn: Option<&Arn>,
    context: &dyn Context,
) -> Truth {
    any(patterns, |pattern| pattern.matches(text, arn, context))
}

/// The parts between the first five colons that stand in no variable.
pub(crate) fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::with_capacity(6);
    let mut start = 0;
    let mut at = 0;
    while parts.len() < 5 {
        let rest = &text[at..];
        let Some(c) = rest.chars().next() else { break };
        if let Some((_, after)) = braces(rest).filter(|_| variables) {
            at = text.len() - after.len();
            continue;
        }
        at += c.len_utf8();
        if c == ':' {
            parts.push(&text[start..at - 1]);
            start = at;
        }
    }
    parts.push(&text[start..]);
    parts
}
