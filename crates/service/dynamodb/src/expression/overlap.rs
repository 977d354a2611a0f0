//! Paths of one expression that cannot stand together.

use super::bound::{Path, Step};
use super::parser::Result;

/// Checks that no path lies within another (they overlap), and that no two
/// take the same place for a list and for a map (they conflict).
pub(crate) fn check<'a>(paths: impl Iterator<Item = &'a Path>) -> Result<()> {
    // In order, a path that is the beginning of others comes right before
    // them, and indices come before names; so only neighbours need comparing,
    // and the whole costs no more than sorting.
    let mut sorted: Vec<(usize, &Path)> = paths.enumerate().collect();
    sorted.sort_by(|a, b| a.1.cmp(b.1).then(a.0.cmp(&b.0)));
    let mut conflict = None;
    for pair in sorted.windows(2) {
        let (a, b) = if pair[0].0 < pair[1].0 { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
        let differ = a.1.0.iter().zip(&b.1.0).find(|(x, y)| x != y);
        match differ {
            None => return Err(message("overlap", a.1, b.1)),
            Some((Step::Index(_), Step::Name(_)) | (Step::Name(_), Step::Index(_))) => {
                conflict.get_or_insert((a.1, b.1));
            }
            Some(_) => {}
        }
    }
    match conflict {
        Some((a, b)) => Err(message("conflict", a, b)),
        None => Ok(()),
    }
}

fn message(problem: &str, first: &Path, second: &Path) -> String {
    format!(
        "Two document paths {problem} with each other; must remove or rewrite one of these paths; \
         path one: {first}, path two: {second}"
    )
}
