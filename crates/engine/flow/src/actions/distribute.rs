//! `DistributeByPercentage`: branches at random (block "Distribute by percentage").
//!
//! The run result is a number from 1 to 100; the conditions are a chain of `NumberLessThan`.

use super::{Behavior, Outcome, Run, Spec};
use crate::params::Params;
use crate::random;

pub(super) const SPEC: Spec =
    Spec { name: "DistributeByPercentage", module_type: "Distribute", terminal: false, build };

struct Distribute;

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.require_errors(&["NoMatchingCondition"]);
    params.allow_errors(&["NoMatchingCondition"]);
    let mut last = 0;
    let ascending = params.conditions().iter().all(|condition| {
        let bound = condition.operands.first().and_then(|operand| operand.trim().parse().ok());
        let rises = bound.is_some_and(|bound: u32| bound > last && bound <= 101);
        last = bound.unwrap_or(last);
        rises && condition.operator == "NumberLessThan"
    });
    if !ascending {
        params.invalid_conditions("the conditions are not a rising chain of NumberLessThan");
    }
    Some(Box::new(Distribute))
}

impl Behavior for Distribute {
    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        Outcome::Result(random::percent(&mut run.state.random).to_string())
    }
}
