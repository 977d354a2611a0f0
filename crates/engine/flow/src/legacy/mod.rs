//! The console's older export format: `{"modules": […], "start": …}`, translated into the current
//! format. Each module becomes one action with the same identifier.

mod blocks;
mod module;
mod namespace;

use crate::document::{Document, RawAction, Report};
use crate::limits;
use module::Module;
use serde_json::{Map, Value};

/// Reads a document of the legacy format.
pub(crate) fn read(root: &Map<String, Value>, report: &mut Report) -> Document {
    let start = root.get("start").and_then(Value::as_str).map(str::to_owned);
    let name = root
        .get("metadata")
        .and_then(|metadata| metadata.get("name"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    let mut document = Document { start, name, actions: Vec::new() };
    let Some(Value::Array(items)) = root.get("modules") else {
        report.push(None, "Invalid Flow property value. Path: modules", "modules is not a list");
        return document;
    };
    for (index, item) in items.iter().enumerate().take(limits::ACTIONS_MAX + 1) {
        document.actions.push(action(index, item, report));
    }
    document
}

fn action(index: usize, item: &Value, report: &mut Report) -> RawAction {
    let path = format!("modules[{index}]");
    match Module::read(path.clone(), item) {
        Ok(module) => blocks::translate(&module, report),
        Err(detail) => {
            let identifier = item.get("id").and_then(Value::as_str);
            report.push(identifier, format!("Invalid Action property value. Path: {path}"), detail);
            RawAction {
                path,
                identifier: identifier.unwrap_or_default().to_owned(),
                ..RawAction::default()
            }
        }
    }
}
