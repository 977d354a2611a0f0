//! Makes updates of SET and REMOVE.

use super::ast::{Action, Expr, ExprKind};
use super::literal::{Binder, path};
use super::parser::{Result, misplaced};
use crate::expression::ast::Section;
use crate::expression::bound::{self, Path, SetValue, Update};
use crate::expression::{bind, overlap};
use crate::invalid::Invalid;
use crate::value::ValueType;

impl Binder {
    /// The update that these actions are.
    pub fn update(&self, actions: &[Action]) -> Result<Update> {
        let actions = actions.iter().map(|action| match action {
            Action::Set { path: target, value } => self.set(target, value),
            Action::Remove { path: target } => {
                Ok(bound::Action { section: Section::Remove, path: path(target)?, value: None })
            }
        });
        let update = Update(actions.collect::<Result<_>>()?);
        overlap::check(update.paths()).map_err(Invalid)?;
        Ok(update)
    }

    fn set(&self, target: &Expr, value: &Expr) -> Result<bound::Action> {
        let target = path(target)?;
        if let ExprKind::Call(name, arguments) = &value.kind {
            let section = match name.as_str() {
                "set_add" => Some(Section::Add),
                "set_delete" => Some(Section::Delete),
                _ => None,
            };
            if let Some(section) = section {
                let set = self.set_argument(name, arguments, &target, value)?;
                return Ok(bound::Action { section, path: target, value: Some(set) });
            }
        }
        let value = self.set_value(value)?;
        Ok(bound::Action { section: Section::Set, path: target, value: Some(value) })
    }

    /// The second argument of `set_add` and `set_delete`, whose first is what is assigned to.
    fn set_argument(
        &self,
        name: &str,
        arguments: &[Expr],
        target: &Path,
        whole: &Expr,
    ) -> Result<SetValue> {
        let name = name.to_ascii_uppercase();
        let [first, second] = arguments else {
            let problem = format!("{name} must have exactly two arguments");
            return Err(misplaced(&problem, whole.at));
        };
        let is_target = matches!(first.kind, ExprKind::Path(_))
            && path(first).is_ok_and(|path| path == *target);
        if !is_target {
            let problem = format!("The first argument to {name} must equal the assignment value");
            return Err(misplaced(&problem, whole.at));
        }
        let not_a_set = || {
            let problem = format!("The second argument to {name} must be a value with type SET");
            misplaced(&problem, first.at)
        };
        if !matches!(second.kind, ExprKind::Bag(_) | ExprKind::Parameter(_)) {
            return Err(not_a_set());
        }
        let set = self.value(second)?;
        match set.value_type() {
            ValueType::Ss | ValueType::Ns | ValueType::Bs => Ok(SetValue::Value(set)),
            _ => Err(not_a_set()),
        }
    }

    fn set_value(&self, expr: &Expr) -> Result<SetValue> {
        match &expr.kind {
            ExprKind::Path(_) => path(expr).map(SetValue::Path),
            ExprKind::Binary(symbol @ ("+" | "-"), left, right) => {
                let (left, right) = (self.set_value(left)?, self.set_value(right)?);
                bind::allow_set_types(symbol, &[&left, &right], ValueType::N).map_err(Invalid)?;
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(match *symbol {
                    "+" => SetValue::Plus(left, right),
                    _ => SetValue::Minus(left, right),
                })
            }
            ExprKind::Call(name, arguments) if name == "list_append" => {
                let [first, second] = &arguments[..] else {
                    return Err(Invalid(format!(
                        "Incorrect number of operands for operator or function; \
                         operator or function: {name}, number of operands: {}",
                        arguments.len()
                    )));
                };
                let (first, second) = (self.set_value(first)?, self.set_value(second)?);
                bind::allow_set_types(name, &[&first, &second], ValueType::L).map_err(Invalid)?;
                Ok(SetValue::ListAppend(Box::new(first), Box::new(second)))
            }
            ExprKind::Call(name, _) => {
                Err(misplaced(&format!("Unrecognized function: {name}"), expr.at))
            }
            _ => self.value(expr).map(SetValue::Value),
        }
    }
}
