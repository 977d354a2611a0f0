//! Sources that are watched: which of them have changed, and what is built again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Plan;
use crate::Failure;
use crate::local::folder;

/// How often files are looked at.
pub const PAUSE: Duration = Duration::from_millis(300);

/// What has changed.
#[derive(Debug, PartialEq)]
pub enum Change {
    /// A template: everything may be different.
    Template,
    /// Sources of these functions and layers, by path.
    Sources(Vec<String>),
}

/// Folders and files with the states in which they were last acted on.
pub struct Watch {
    sources: BTreeMap<String, PathBuf>,
    templates: Vec<PathBuf>,
    acted: BTreeMap<String, String>,
    /// What was seen last: an editor may still be writing.
    seen: BTreeMap<String, String>,
}

impl Watch {
    /// Watches what is built.
    pub fn new(plan: &Plan) -> Watch {
        let sources = plan.units().map(|unit| (unit.path.clone(), unit.source.clone())).collect();
        Watch::of(sources, plan.templates.clone())
    }

    /// Watches templates alone, and folders.
    pub fn of(sources: BTreeMap<String, PathBuf>, templates: Vec<PathBuf>) -> Watch {
        let mut watch = Watch { sources, templates, acted: BTreeMap::new(), seen: BTreeMap::new() };
        watch.acted = watch.states();
        watch.seen = watch.acted.clone();
        watch
    }

    /// By path; templates have a `:` before their places.
    fn states(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (path, source) in &self.sources {
            // What cannot be read now is in a state of its own.
            found.insert(path.clone(), folder::sources_state(source).unwrap_or_default());
        }
        for (place, file) in self.templates.iter().enumerate() {
            let state = folder::sources_state(file).unwrap_or_default();
            found.insert(format!(":{place}"), state);
        }
        found
    }

    /// What has changed since the last time, once it rests.
    pub fn look(&mut self) -> Option<Change> {
        let states = self.states();
        if states != self.seen {
            self.seen = states;
            return None;
        }
        let changed: Vec<String> = states
            .iter()
            .filter(|(path, state)| self.acted.get(*path) != Some(state))
            .map(|(path, _)| path.clone())
            .collect();
        if changed.is_empty() {
            return None;
        }
        self.acted = states;
        match changed.iter().any(|path| path.starts_with(':')) {
            true => Some(Change::Template),
            false => Some(Change::Sources(changed)),
        }
    }
}

/// Builds what has changed; says so, and says why where it cannot be built.
pub fn rebuild(plan: &mut Plan, changed: &[String]) -> Result<(), Failure> {
    eprintln!("Changed: {}", changed.join(", "));
    plan.build(changed)?;
    plan.write()?;
    eprintln!("Built: {}", changed.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn changes_count_once_and_when_they_rest() {
        let folder = std::env::temp_dir().join(format!("gureum-watch-{}", std::process::id()));
        fs::create_dir_all(folder.join("src/node_modules")).expect("writable");
        let (template, source) = (folder.join("template.yaml"), folder.join("src/a.py"));
        fs::write(&template, "a").expect("writable");
        fs::write(&source, "a").expect("writable");
        let sources = BTreeMap::from([("F".to_owned(), folder.join("src"))]);
        let mut watch = Watch::of(sources, vec![template.clone()]);
        assert_eq!(watch.look(), None);
        fs::write(&source, "ab").expect("writable");
        assert_eq!(watch.look(), None, "it may not be all");
        assert_eq!(watch.look(), Some(Change::Sources(vec!["F".into()])));
        assert_eq!(watch.look(), None);
        fs::write(folder.join("src/node_modules/x"), "x").expect("writable");
        assert_eq!((watch.look(), watch.look()), (None, None));
        fs::write(&template, "ab").expect("writable");
        assert_eq!((watch.look(), watch.look()), (None, Some(Change::Template)));
        fs::remove_dir_all(&folder).expect("it is there");
    }
}
