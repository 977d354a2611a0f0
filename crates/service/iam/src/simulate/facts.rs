//! Who the simulated caller is, and the context keys of the simulated request.

use std::borrow::Cow;
use std::collections::BTreeMap;

use api_iam::ContextEntry;
use policy::{Context, Principal, Values};

use crate::arn;
use crate::error::{Result, invalid_input};

/// The simulated caller: a user, group or role.
pub(crate) struct Caller {
    /// As it was given.
    arn: String,
    /// For a role: a session that could be its.
    session: Option<String>,
    /// Whether keys such as `aws:username` can be told from the ARN: it was named by the request,
    /// and is no group.
    is_known: bool,
    /// `AIDA…` or `AROA…`.
    id: Option<String>,
    tags: Vec<(String, String)>,
}

impl Caller {
    /// A caller by ARN.
    pub(crate) fn new(text: &str) -> Result<Self> {
        for kind in ["user", "role", "group"] {
            let Some((account, _, name)) = arn::parts(text, kind) else { continue };
            let session = || format!("arn:aws:sts::{account}:assumed-role/{name}/simulation");
            return Ok(Self {
                arn: text.to_owned(),
                session: (kind == "role").then(session),
                is_known: kind != "group",
                id: None,
                tags: Vec::new(),
            });
        }
        Err(unclear(text))
    }

    /// Nobody in particular, of an account.
    pub(crate) fn nobody(account: &str) -> Self {
        Self {
            arn: arn::of(account, "user", "/", "simulation"),
            session: None,
            is_known: false,
            id: None,
            tags: Vec::new(),
        }
    }

    /// With what IAM knows of it.
    pub(crate) fn with(mut self, id: String, tags: Vec<(String, String)>) -> Self {
        self.id = Some(id);
        self.tags = tags;
        self
    }

    pub(crate) fn principal(&self) -> Principal<'_> {
        let principal = match &self.session {
            Some(session) => Principal::session(session, &self.arn),
            None => Principal::user(&self.arn),
        };
        match &self.id {
            Some(id) => principal.with_unique_id(id),
            None => principal,
        }
    }
}

/// The refusal of an ARN that is of no user, group or role.
pub(crate) fn unclear(arn: &str) -> api_iam::Error {
    invalid_input(format!(
        "Invalid Entity Arn: {arn} does not clearly define entity type and name."
    ))
    .into()
}

/// The context entries of a request: keys in lower case.
#[derive(Default)]
pub(crate) struct Facts(BTreeMap<String, Vec<String>>);

impl Facts {
    /// Reads them.
    pub(crate) fn new(entries: Option<Vec<ContextEntry>>) -> Result<Self> {
        let mut facts = BTreeMap::new();
        for entry in entries.unwrap_or_default() {
            let Some(name) = entry.context_key_name else {
                return Err(invalid_input("A context entry has no key name.").into());
            };
            let values = entry.context_key_values.unwrap_or_default();
            let is_list = entry.context_key_type.is_none_or(|t| t.as_str().ends_with("List"));
            if values.len() > 1 && !is_list {
                let message = format!("Context key {name} has several values but not a list type.");
                return Err(invalid_input(message).into());
            }
            facts.insert(name.to_ascii_lowercase(), values);
        }
        Ok(Self(facts))
    }

    /// Together with what the caller is.
    pub(crate) fn with<'a>(&'a self, caller: &'a Caller, principal: Principal<'a>) -> All<'a> {
        All { facts: self, caller, principal }
    }
}

/// Everything that conditions may ask.
pub(crate) struct All<'a> {
    facts: &'a Facts,
    caller: &'a Caller,
    principal: Principal<'a>,
}

impl Context for All<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        if let Some(values) = self.facts.0.get(key) {
            return Some(match values.as_slice() {
                [value] => Values::One(Cow::Borrowed(value)),
                values => Values::List(values),
            });
        }
        if !self.caller.is_known {
            return None;
        }
        if let Some(tag) = key.strip_prefix("aws:principaltag/") {
            let of = |t: &&(String, String)| t.0.eq_ignore_ascii_case(tag);
            return self.caller.tags.iter().find(of).map(|t| Values::from(t.1.as_str()));
        }
        self.principal.value(key)
    }
}
