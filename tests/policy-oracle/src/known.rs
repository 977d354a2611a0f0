//! Where the others differ from the user guide, and so from us. Each is a line in
//! docs/unknowns.md, too.

use serde_json::Value;

use crate::random::Case;

/// A disagreement that is understood.
struct Known {
    oracle: &'static str,
    fits: fn(&Seen) -> bool,
    why: &'static str,
}

/// What the smallest case looks like.
struct Seen {
    text: String,
    /// Operator, key, operands of every condition that is left.
    conditions: Vec<(String, String, usize)>,
    /// Number of values of the keys that are left.
    values: Vec<(String, usize)>,
    has_variable_without_value: bool,
}

impl Seen {
    fn any(&self, test: impl Fn(&str, &str, usize) -> bool) -> bool {
        self.conditions.iter().any(|(operator, key, operands)| test(operator, key, *operands))
    }

    fn count(&self, key: &str) -> usize {
        let key = key.to_lowercase();
        self.values.iter().find(|(known, _)| *known == key).map_or(0, |(_, count)| *count)
    }
}

const KNOWN: [Known; 12] = [
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.any(|op, _, _| op.starts_with("For") && op.ends_with("IfExists")),
        why: "refuses ForAllValues:…IfExists and ForAnyValue:…IfExists, which IAM takes",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.text.contains("${*}"),
        why: "does not read ${*} in a resource as the character",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.has_variable_without_value,
        why: "makes a variable without value an empty text, or fails on it",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| {
            seen.any(|op, _, _| op.starts_with("ArnEquals") || op.starts_with("ArnNotEquals"))
        },
        why: "knows no wildcards in ArnEquals; IAM treats it as ArnLike",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.any(|op, key, _| !op.starts_with("For") && seen.count(key) > 1),
        why: "takes any of several values where no set operator stands; we take all for an Allow",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.any(|op, _, operands| op == "Null" && operands > 1),
        why: "Null wants a single operand; we take any of several",
    },
    Known {
        oracle: "iam-rs",
        fits: |seen| seen.any(|op, _, _| op.starts_with("String")) && seen.text.contains("${"),
        why: "does not replace variables in StringEquals",
    },
    Known {
        oracle: "scratchstack-aspen",
        fits: |seen| seen.any(|op, _, operands| op.contains("Not") && operands > 1),
        why: "negated operators hold as soon as one operand differs; IAM wants all to differ",
    },
    Known {
        oracle: "scratchstack-aspen",
        fits: |seen| seen.any(|op, key, _| op.contains("Not") && seen.count(key) == 0),
        why: "negated operators fail when the key is missing; IAM lets them hold",
    },
    Known {
        oracle: "scratchstack-aspen",
        fits: |seen| seen.text.contains("S3:GETOBJECT"),
        why: "compares the service of an action with regard to case",
    },
    Known {
        oracle: "scratchstack-aspen",
        fits: |seen| seen.any(|op, _, _| op.starts_with("Numeric")) && seen.text.contains("10.0"),
        why: "knows whole numbers only",
    },
    Known {
        oracle: "scratchstack-aspen",
        fits: |seen| seen.has_variable_without_value,
        why: "makes a variable without value an empty text",
    },
];

/// Why they disagree on this smallest case.
pub fn explain(oracle: &str, case: &Case) -> Option<&'static str> {
    let seen = see(case);
    KNOWN.iter().find(|known| known.oracle == oracle && (known.fits)(&seen)).map(|known| known.why)
}

fn see(case: &Case) -> Seen {
    let text: String = case.identity.iter().map(Value::to_string).collect();
    let mut conditions = Vec::new();
    let statements = case.identity.iter().flat_map(|policy| policy["Statement"].as_array());
    for statement in statements.flatten() {
        for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
            for (key, operands) in keys.as_object().into_iter().flatten() {
                let count = operands.as_array().map_or(1, Vec::len);
                conditions.push((operator.clone(), key.clone(), count));
            }
        }
    }
    let has_value = |name: &str| {
        case.context.get(name.to_lowercase().as_str()).is_some_and(|values| values.len() == 1)
    };
    let variables = text.split("${").skip(1).filter_map(|rest| rest.split('}').next());
    let mut names = variables.filter(|name| *name != "*");
    Seen {
        has_variable_without_value: names.any(|name| !has_value(name)),
        values: case.context.iter().map(|(key, v)| ((*key).to_owned(), v.len())).collect(),
        conditions,
        text,
    }
}
