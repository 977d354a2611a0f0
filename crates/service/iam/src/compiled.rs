//! Policies as they are evaluated, kept until something changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kernel::StoreError;
use policy::{Kind, Policy, Source};
use store::Store;

use crate::authority::parsed;
use crate::lookup::{self, Identity, Statement};

/// Users and roles kept; beyond, all are read once more.
const IDENTITIES_MAX: usize = 1024;
/// Documents of a kind kept.
const DOCUMENTS_MAX: usize = 1024;

const NOTHING: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"gureum:Nothing","Resource":"*"}}"#;
const EVERYTHING: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const GRANTED: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;

/// A policy with the name by which answers speak of it.
#[derive(Clone)]
pub(crate) struct Named {
    pub name: Arc<str>,
    pub policy: Arc<Policy>,
}

impl Named {
    pub fn source(&self) -> Source<'_> {
        Source::new(&self.name, &self.policy)
    }
}

/// A user or role, ready to be evaluated.
pub(crate) struct Compiled {
    generation: u64,
    id: String,
    pub tags: Vec<(String, String)>,
    pub policies: Vec<Named>,
    pub boundary: Option<Named>,
}

/// Reads and keeps. Clones share what they know.
#[derive(Clone, Default)]
pub(crate) struct Compiler {
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    identities: HashMap<String, Arc<Compiled>>,
    /// By kind, then by text.
    documents: [HashMap<String, Arc<Policy>>; 3],
}

impl Compiler {
    /// A user, if it still is the one of that id.
    pub fn user(
        &self,
        store: &Store,
        account: &str,
        name: &str,
        id: &str,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let key = format!("user/{account}/{name}");
        self.identity(store, account, key, id, &|tx| lookup::user(tx, account, name))
    }

    /// A role, if it still is the one of that id.
    pub fn role(
        &self,
        store: &Store,
        account: &str,
        name: &str,
        id: &str,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let key = format!("role/{account}/{name}");
        self.identity(store, account, key, id, &|tx| {
            Ok(lookup::role(tx, account, name)?.map(|role| role.identity))
        })
    }

    fn identity(
        &self,
        store: &Store,
        account: &str,
        key: String,
        id: &str,
        read: &dyn Fn(&store::ReadTx) -> Result<Option<Identity>, StoreError>,
    ) -> Result<Option<Arc<Compiled>>, StoreError> {
        let generation = store.read(|tx| lookup::generation(tx, account))?;
        let kept = self.lock().identities.get(&key).cloned();
        if let Some(kept) = kept.filter(|kept| kept.generation == generation && kept.id == id) {
            return Ok(Some(kept));
        }
        let (generation, found) =
            store.read(|tx| Ok::<_, StoreError>((lookup::generation(tx, account)?, read(tx)?)))?;
        let Some(identity) = found.filter(|identity| identity.id == id) else { return Ok(None) };
        let compiled = Arc::new(Compiled {
            generation,
            id: identity.id,
            tags: identity.tags,
            policies: identity.policies.iter().map(|policy| self.statement(policy)).collect(),
            boundary: identity.boundary.as_ref().map(|policy| self.statement(policy)),
        });
        let mut kept = self.lock();
        if kept.identities.len() >= IDENTITIES_MAX {
            kept.identities.clear();
        }
        kept.identities.insert(key, compiled.clone());
        Ok(Some(compiled))
    }

    fn statement(&self, statement: &Statement) -> Named {
        let name = match &statement.source {
            lookup::Source::Inline(kind, of, name) => format!("{kind} {of}: {name}"),
            lookup::Source::Managed(arn) => arn.clone(),
        };
        self.named(&name, &statement.document, Kind::Identity)
    }

    /// A document under a name. One that cannot be read allows nothing.
    pub fn named(&self, name: &str, text: &str, kind: Kind) -> Named {
        let kept = self.lock().documents[kind as usize].get(text).cloned();
        let policy = kept.unwrap_or_else(|| {
            let policy = parsed(text, kind).or_else(|| parsed(NOTHING, Kind::Identity));
            let policy = Arc::new(policy.expect("the policy that allows nothing is one"));
            let documents = &mut self.lock().documents[kind as usize];
            if documents.len() >= DOCUMENTS_MAX {
                documents.clear();
            }
            documents.insert(text.to_owned(), policy.clone());
            policy
        });
        Named { name: name.into(), policy }
    }

    /// A managed policy by ARN; one that is gone allows nothing.
    pub fn managed(&self, store: &Store, account: &str, arn: &str) -> Result<Named, StoreError> {
        let document = store.read(|tx| lookup::managed_document(tx, account, arn))?;
        Ok(self.named(arn, document.as_deref().unwrap_or(NOTHING), Kind::Identity))
    }

    /// Allows nothing.
    pub fn nothing(&self) -> Named {
        self.named("no session policy", NOTHING, Kind::Identity)
    }

    /// Allows everything.
    pub fn everything(&self) -> Named {
        self.named("root user", EVERYTHING, Kind::Identity)
    }

    /// Allows everything, as a policy of the resource.
    pub fn granted(&self) -> Named {
        self.named("grant", GRANTED, Kind::Resource)
    }

    /// Forgets everything, when the store was emptied.
    pub fn clear(&self) {
        *self.lock() = Kept::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|error| error.into_inner())
    }
}
