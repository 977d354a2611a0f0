//! What a request asks to be returned: filter, projection and Select.

use api_dynamodb::Select;

use super::Attributes;
use crate::expression::bound::{Condition, Projection};
use crate::expression::{ExpressionKind, Placeholders};
use crate::invalid::Invalid;

/// FilterExpression and ProjectionExpression, bound.
pub(crate) struct Bound {
    pub filter: Option<Condition>,
    pub projection: Option<Projection>,
}

impl Bound {
    /// Binds what is given.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn new(
        placeholders: &mut Placeholders,
        filter: Option<&str>,
        projection: Option<&str>,
    ) -> Result<Bound, Invalid> {
        let filter =
            filter.map(|text| placeholders.condition(ExpressionKind::Filter, text)).transpose()?;
        let projection = projection.map(|text| placeholders.projection(text)).transpose()?;
        Ok(Bound { filter, projection })
    }
}

/// The parameter that names attributes, if one does.
pub(crate) fn named(has_expression: bool, has_list: bool) -> Option<&'static str> {
    if has_expression {
        Some("ProjectionExpression")
    } else {
        has_list.then_some("AttributesToGet")
    }
}

/// Checks that Select goes with the other parameters: `projection` is the parameter that names
/// attributes, if one is given.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_select(
    given: Option<&Select>,
    projection: Option<&str>,
    has_index: bool,
) -> Result<(), Invalid> {
    let what = match given {
        Some(Select::AllAttributes) => "ALL_ATTRIBUTES",
        Some(Select::AllProjectedAttributes) => "ALL_PROJECTED_ATTRIBUTES",
        Some(Select::Count) => "only the Count",
        Some(Select::SpecificAttributes) if projection.is_none() => {
            return Err(Invalid::new(
                "Must specify the AttributesToGet or ProjectionExpression \
                 when choosing to get SPECIFIC_ATTRIBUTES",
            ));
        }
        _ => return Ok(()),
    };
    if given == Some(&Select::AllProjectedAttributes) && !has_index {
        return Err(Invalid::new(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ));
    }
    match projection {
        Some(projection) => {
            Err(Invalid(format!("Cannot specify the {projection} when choosing to get {what}")))
        }
        None => Ok(()),
    }
}

impl Attributes {
    /// What Select and the projection ask for, which go together.
    pub fn new(select: Option<&Select>, projection: Option<Projection>) -> Attributes {
        match (select, projection) {
            (_, Some(projection)) => Attributes::Parts(projection),
            (Some(Select::Count), None) => Attributes::Count,
            (Some(Select::AllAttributes), None) => Attributes::All,
            _ => Attributes::Held,
        }
    }

    /// Whether items are returned at all.
    pub fn has_items(&self) -> bool {
        !matches!(self, Attributes::Count)
    }
}
