//! Plans that look at one partition.

use store::{Key, Scan};

use super::source::Source;
use super::{ReadPlan, START_INVALID, not_held};
use crate::expression::ast::Comparator;
use crate::expression::display;
use crate::expression::key_condition::{KeyConditions, KeyTest, SIMPLE_CONDITIONS_MAX};
use crate::invalid::Invalid;
use crate::key;
use crate::request;
use crate::table::KeyAttribute;
use crate::value::Value;

const NOT_SUPPORTED: &str = "Query key condition not supported";

impl ReadPlan {
    /// The rows of a partition that pass the conditions on the sort key, once everything has been
    /// checked, and what the keys of all its rows begin with.
    pub(super) fn query(
        &self,
        source: &Source<'_>,
        conditions: &KeyConditions,
        is_backward: bool,
    ) -> Result<(Scan, Vec<u8>), Invalid> {
        if let Some(start) = &self.start
            && start.len() != source.start_keys().len()
        {
            return Err(Invalid::new(START_INVALID));
        }
        if source.is_composite() {
            self.check_composite_keys(source, conditions)?;
        } else {
            conditions.check_count(SIMPLE_CONDITIONS_MAX)?;
            self.check_simple_keys(source, conditions)?;
        }
        let partition = partition_values(source, conditions)?;
        let sort: Vec<(&KeyAttribute, &KeyTest)> =
            source.sort().iter().map_while(|key| Some((key, conditions.get(&key.name)?))).collect();
        self.check_query_start(source, &partition, &sort)?;
        self.check_projection_paths(source)?;
        self.check_filter_leaves_keys(source)?;
        self.check_projected(source)?;
        self.check_filter_paths(source)?;
        self.check_filter_projected(source)?;
        let tests: Vec<&KeyTest> = sort.iter().map(|(_, test)| *test).collect();
        let prefix = source.partition_prefix(&partition);
        let mut scan = range(prefix.clone(), &tests);
        if let Some(start) = &self.start {
            scan = scan.after(source.place(start));
        }
        Ok((if is_backward { scan.reverse() } else { scan }, prefix))
    }

    /// Checks start key and conditions of keys of one or two attributes.
    fn check_simple_keys(
        &self,
        source: &Source<'_>,
        conditions: &KeyConditions,
    ) -> Result<(), Invalid> {
        let count = conditions.0.len();
        for (i, key) in source.keys().enumerate() {
            let is_partition = i == 0;
            self.check_start_part(key)?;
            if is_partition && source.sort().is_empty() && count > 1 {
                return Err(Invalid::new(NOT_SUPPORTED));
            }
            match conditions.get(&key.name) {
                None if is_partition || count > 1 => return Err(missed(key)),
                None => {}
                Some(test) => {
                    check_test(key, test)?;
                    if is_partition && test.equal().is_none() {
                        return Err(Invalid::new(NOT_SUPPORTED));
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks start key and conditions of keys of more attributes: all of the partition must be
    /// equal to something, and those of the sort key that come before another in use.
    fn check_composite_keys(
        &self,
        source: &Source<'_>,
        conditions: &KeyConditions,
    ) -> Result<(), Invalid> {
        for key in source.keys() {
            self.check_start_part(key)?;
            conditions.get(&key.name).map_or(Ok(()), |test| check_test(key, test))?;
        }
        let is_equal =
            |key: &&KeyAttribute| conditions.get(&key.name).and_then(KeyTest::equal).is_some();
        let missing = names(source.partition().iter().filter(|key| !is_equal(key)));
        if !missing.is_empty() {
            return Err(match source.partition() {
                [key] if conditions.get(&key.name).is_none() => missed(key),
                [_] => Invalid::new(NOT_SUPPORTED),
                _ => Invalid(format!(
                    "HASH key attributes {missing} must have equality conditions specified \
                     in the query"
                )),
            });
        }
        let is_key = |name: &str| source.keys().any(|key| key.name == name);
        if !conditions.0.iter().all(|(name, _)| is_key(name)) {
            let unused = source.sort().iter().find(|key| conditions.get(&key.name).is_none());
            return Err(unused.map_or_else(|| Invalid::new(NOT_SUPPORTED), missed));
        }
        for (i, later) in source.sort().iter().enumerate() {
            let missing = names(source.sort()[..i].iter().filter(|key| !is_equal(key)));
            if conditions.get(&later.name).is_some() && !missing.is_empty() {
                return Err(Invalid(format!(
                    "RANGE key attributes {missing} must have equality conditions specified \
                     in the query because a condition is present on key attribute {}",
                    later.name
                )));
            }
        }
        Ok(())
    }

    pub(super) fn check_start_part(&self, key: &KeyAttribute) -> Result<(), Invalid> {
        let Some(start) = &self.start else { return Ok(()) };
        match start.get(&key.name) {
            None => Err(Invalid::new(START_INVALID)),
            Some(value) if value.value_type() != key.key_type.value_type() => {
                Err(Invalid::new("The provided key element does not match the schema"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Checks that the start key lies within what is asked for.
    fn check_query_start(
        &self,
        source: &Source<'_>,
        partition: &[&Value],
        sort: &[(&KeyAttribute, &KeyTest)],
    ) -> Result<(), Invalid> {
        let Some(start) = &self.start else { return Ok(()) };
        source
            .check_table_key(start)
            .map_err(|problem| Invalid(format!("{START_INVALID}: {problem}")))?;
        let mut parts = source.partition().iter().zip(partition);
        let is_inside = parts.all(|(key, value)| start.get(&key.name) == Some(*value));
        if sort.is_empty() {
            if is_inside && source.has_one_a_partition() {
                let keys = start.iter().map(|(name, value)| format!("{name}={}", display(value)));
                let keys: Vec<String> = keys.collect();
                return Err(Invalid(format!(
                    "The provided exclusive start key is invalid: ExclusiveStartKey: {{{}}}",
                    keys.join(", ")
                )));
            }
            if is_inside {
                return Ok(());
            }
            return Err(Invalid::new(
                "The provided starting key is outside query boundaries \
                 based on provided conditions",
            ));
        }
        let passes = |(key, test): &(&KeyAttribute, &KeyTest)| {
            start.get(&key.name).is_some_and(|value| test.holds(value))
        };
        if !sort.iter().all(passes) {
            return Err(Invalid::new(
                "The provided starting key does not match the range key predicate",
            ));
        }
        if !is_inside {
            return Err(Invalid::new(
                "The query can return at most one row and cannot be restarted",
            ));
        }
        Ok(())
    }

    /// Checks that the filter leaves the keys to the key conditions.
    fn check_filter_leaves_keys(&self, source: &Source<'_>) -> Result<(), Invalid> {
        let Some(filter) = &self.filter else { return Ok(()) };
        let Some(parameter) = filter.parameter else { return Ok(()) };
        let paths = request::paths(&filter.condition);
        match source.keys().find(|key| paths.iter().any(|path| path.attribute() == key.name)) {
            Some(key) => Err(Invalid(format!(
                "{parameter} can only contain non-primary key attributes: \
                 Primary key attribute: {}",
                key.name
            ))),
            None => Ok(()),
        }
    }

    /// Checks that the index holds what the filter looks at; a scan need not.
    fn check_filter_projected(&self, source: &Source<'_>) -> Result<(), Invalid> {
        let (Some(filter), Some(index)) = (&self.filter, source.index) else { return Ok(()) };
        let missing = not_held(source, request::paths(&filter.condition));
        if missing.is_empty() {
            return Ok(());
        }
        Err(Invalid(format!(
            "One or more parameter values were invalid: Secondary index {} does not project \
             one or more filter attributes: [{}]",
            index.name,
            missing.join(", ")
        )))
    }
}

fn names<'k>(keys: impl Iterator<Item = &'k KeyAttribute>) -> String {
    keys.map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn missed(key: &KeyAttribute) -> Invalid {
    Invalid(format!("Query condition missed key schema element: {}", key.name))
}

/// The values of the partition key.
fn partition_values<'c>(
    source: &Source<'_>,
    conditions: &'c KeyConditions,
) -> Result<Vec<&'c Value>, Invalid> {
    let equal = |key: &KeyAttribute| conditions.get(&key.name).and_then(KeyTest::equal);
    let values = source.partition().iter().map(equal).collect::<Option<Vec<_>>>();
    values.ok_or_else(|| Invalid::new(NOT_SUPPORTED))
}

fn check_test(key: &KeyAttribute, test: &KeyTest) -> Result<(), Invalid> {
    if *test == KeyTest::NotIndexable {
        return Err(Invalid::new("Attempted conditional constraint is not an indexable operation"));
    }
    for value in test.values() {
        if value.value_type() != key.key_type.value_type() {
            return Err(Invalid::new(
                "One or more parameter values were invalid: \
                 Condition parameter type does not match schema type",
            ));
        }
        let kind = match value {
            Value::S(text) if text.is_empty() => "string",
            Value::B(bytes) if bytes.is_empty() => "binary",
            _ => continue,
        };
        return Err(Invalid(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty {kind} value. Key: {}",
            key.name
        )));
    }
    Ok(())
}

/// The rows of a partition that pass tests of the sort key's attributes, of which all but the
/// last ask for equality.
fn range(mut prefix: Vec<u8>, tests: &[&KeyTest]) -> Scan {
    let Some((last, equals)) = tests.split_last() else {
        return Scan::prefix(Key::from_bytes(prefix));
    };
    for value in equals.iter().filter_map(|test| test.equal()) {
        key::write_sort(value, &mut prefix);
    }
    let all = Scan::prefix(Key::from_bytes(prefix.clone()));
    let at = |value: &Value, write: fn(&Value, &mut Vec<u8>)| {
        let mut bytes = prefix.clone();
        write(value, &mut bytes);
        Key::from_bytes(bytes)
    };
    let exactly = |value: &Value| at(value, key::write_sort);
    match last {
        KeyTest::NotIndexable => all,
        KeyTest::BeginsWith(prefix) => {
            all.ge(at(prefix, key::write_sort_prefix)).le(at(prefix, key::write_sort_prefix))
        }
        KeyTest::Between(low, high) => all.ge(exactly(low)).le(exactly(high)),
        KeyTest::Compare(comparator, value) => match comparator {
            Comparator::Less => all.lt(exactly(value)),
            Comparator::LessOrEqual => all.le(exactly(value)),
            Comparator::Greater => all.gt(exactly(value)),
            Comparator::GreaterOrEqual => all.ge(exactly(value)),
            // `KeyConditions` has no `<>`.
            Comparator::Equal | Comparator::NotEqual => all.ge(exactly(value)).le(exactly(value)),
        },
    }
}
