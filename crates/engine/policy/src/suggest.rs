//! The smallest policy that would have allowed what was denied.

use std::fmt::Write as _;

use crate::decision::{Denial, PolicyType};
use crate::principal::{Principal, Who};

/// What to do about a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suggestion {
    /// A policy of this type would have to say this, besides what it says already.
    Add(PolicyType, String),
    /// A statement denies it: no other policy helps.
    Remove {
        /// The type of the policy.
        policy_type: PolicyType,
        /// Its name.
        source: String,
        /// The statement, from 0.
        index: usize,
        /// Its `Sid`.
        sid: Option<String>,
    },
}

/// What would have allowed the actions, which were all denied for the same reason.
pub fn suggest(denial: &Denial, principal: &Principal, needs: &[(&str, &str)]) -> Suggestion {
    match denial {
        Denial::Explicit(found) => Suggestion::Remove {
            policy_type: found.policy_type,
            source: found.source.to_owned(),
            index: found.index,
            sid: found.sid.map(str::to_owned),
        },
        Denial::Implicit(policy_type) => {
            let named = matches!(policy_type, PolicyType::Resource | PolicyType::Trust);
            let resources = *policy_type != PolicyType::Trust;
            let text = document(needs, named.then_some(principal), resources);
            Suggestion::Add(*policy_type, text)
        }
    }
}

/// An identity policy that allows these pairs of action and resource, and nothing else. Pairs that
/// share resources share a statement.
pub fn smallest(needs: &[(&str, &str)]) -> String {
    document(needs, None, true)
}

fn document(needs: &[(&str, &str)], principal: Option<&Principal>, resources: bool) -> String {
    let mut statements: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    let mut actions: Vec<&str> = needs.iter().map(|(action, _)| *action).collect();
    actions.sort_unstable();
    actions.dedup();
    for action in actions {
        let mut of: Vec<&str> = needs.iter().filter(|n| n.0 == action).map(|n| n.1).collect();
        of.sort_unstable();
        of.dedup();
        match statements.iter_mut().find(|(_, resources)| *resources == of) {
            Some((actions, _)) => actions.push(action),
            None => statements.push((vec![action], of)),
        }
    }
    let mut text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [".to_owned();
    for (at, (actions, of)) in statements.iter().enumerate() {
        text += if at == 0 { "\n    {\n" } else { ",\n    {\n" };
        text += "      \"Effect\": \"Allow\",\n";
        if let Some(principal) = principal {
            let _ = writeln!(text, "      \"Principal\": {},", principal_element(principal));
        }
        let end = if resources { "," } else { "" };
        let _ = writeln!(text, "      \"Action\": {}{end}", one_or_list(actions));
        if resources {
            let _ = writeln!(text, "      \"Resource\": {}", one_or_list(of));
        }
        text += "    }";
    }
    text + "\n  ]\n}"
}

fn principal_element(principal: &Principal) -> String {
    match principal.who {
        Who::Anonymous => "\"*\"".to_owned(),
        Who::Service { name } => format!("{{\"Service\": {}}}", quoted(name)),
        Who::Federated { provider } => format!("{{\"Federated\": {}}}", quoted(provider)),
        // A session's own ARN would allow the next one nothing.
        Who::Session { role_arn: arn, .. }
        | Who::Root { arn }
        | Who::User { arn }
        | Who::FederatedUser { arn, .. } => format!("{{\"AWS\": {}}}", quoted(arn)),
    }
}

fn one_or_list(texts: &[&str]) -> String {
    match texts {
        [text] => quoted(text),
        _ => {
            let list: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", list.join(", "))
        }
    }
}

/// A JSON text. What is a wildcard or a variable in a policy, and stands in the name of a resource,
/// is written so that it means itself.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '*' if text.len() > 1 => out += "${*}",
            '?' => out += "${?}",
            '$' if rest.starts_with('{') => out += "${$}",
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
