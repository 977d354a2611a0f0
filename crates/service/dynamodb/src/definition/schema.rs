//! Key schemas, and the AttributeDefinitions that give their attributes types.

use api_dynamodb::{AttributeDefinition, KeySchemaElement, KeyType};

use crate::invalid::Invalid;
use crate::table::{self, KeyAttribute};

/// Attributes of each role that the key of a global index may have.
const ROLE_MAX: usize = 4;

/// The AttributeDefinitions of a request.
pub(crate) struct Definitions<'a>(pub &'a [AttributeDefinition]);

/// The key attributes of an index: those of the partition, those to sort by.
pub(crate) type IndexKeys = (Vec<KeyAttribute>, Vec<KeyAttribute>);

impl Definitions<'_> {
    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|definition| definition.attribute_name.as_str()).collect()
    }

    /// A key attribute with its type; it must have been looked for.
    fn attribute(&self, element: &KeySchemaElement) -> KeyAttribute {
        let name = &element.attribute_name;
        let definition = self.0.iter().find(|known| known.attribute_name == *name);
        let key_type =
            definition.map_or(table::KeyType::S, |definition| (&definition.attribute_type).into());
        KeyAttribute { name: name.clone(), key_type }
    }

    /// The keys of a table.
    pub fn table_keys(
        &self,
        schema: &[KeySchemaElement],
        has_indexes: bool,
    ) -> Result<(KeyAttribute, Option<KeyAttribute>), Invalid> {
        check_length("keySchema", schema)?;
        if schema.len() > self.0.len() {
            let text = "Invalid KeySchema: Some index key attribute have no definition";
            return Err(Invalid::new(text));
        }
        self.check_defined(schema)?;
        check_roles(schema)?;
        check_second(schema)?;
        if let Some(twice) = duplicate(&self.names()) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Duplicate AttributeName in AttributeDefinitions: {twice}"
            )));
        }
        if !has_indexes && schema.len() != self.0.len() {
            return Err(Invalid::new(
                "One or more parameter values were invalid: Number of attributes in KeySchema \
                 does not exactly match number of attributes defined in AttributeDefinitions",
            ));
        }
        let mut keys = schema.iter().map(|element| self.attribute(element));
        match keys.next() {
            Some(partition) => Ok((partition, keys.next())),
            // The model wants at least one.
            None => Err(Invalid::new("Invalid KeySchema: it is empty")),
        }
    }

    /// The keys of the local index at `place` of the request's.
    pub fn local_keys(
        &self,
        place: usize,
        name: &str,
        schema: &[KeySchemaElement],
        table_partition: &str,
    ) -> Result<IndexKeys, Invalid> {
        check_length(&format!("localSecondaryIndexes.{place}.member.keySchema"), schema)?;
        self.check_defined(schema)?;
        check_roles(schema)?;
        check_second(schema)?;
        let mut keys = schema.iter().map(|element| self.attribute(element));
        let (Some(partition), Some(sort)) = (keys.next(), keys.next()) else {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Index KeySchema does not have a range key for index: {name}"
            )));
        };
        if partition.name != table_partition {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: Index KeySchema does not have the \
                 same leading hash key as table KeySchema for index: {name}. \
                 index hash key: {}, table hash key: {table_partition}",
                partition.name
            )));
        }
        Ok((vec![partition], vec![sort]))
    }

    /// The keys of a global index.
    pub fn global_keys(
        &self,
        name: &str,
        schema: &[KeySchemaElement],
    ) -> Result<IndexKeys, Invalid> {
        self.check_defined(schema)?;
        check_roles(schema)?;
        let attributes = |role: KeyType| -> Vec<KeyAttribute> {
            let elements = schema.iter().filter(|element| element.key_type == role);
            elements.map(|element| self.attribute(element)).collect()
        };
        let (partition, sort) = (attributes(KeyType::Hash), attributes(KeyType::Range));
        for (role, attributes) in [("HASH", &partition), ("RANGE", &sort)] {
            if attributes.len() > ROLE_MAX {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: Number of {role} key attributes \
                     exceeds the limit of {ROLE_MAX} for index: {name}"
                )));
            }
        }
        Ok((partition, sort))
    }

    fn check_defined(&self, schema: &[KeySchemaElement]) -> Result<(), Invalid> {
        let (keys, defined) = (names(schema), self.names());
        if keys.iter().all(|key| defined.contains(key)) {
            return Ok(());
        }
        Err(Invalid(format!(
            "One or more parameter values were invalid: Some index key attributes are not defined \
             in AttributeDefinitions. Keys: [{}], AttributeDefinitions: [{}]",
            keys.join(", "),
            defined.join(", ")
        )))
    }

    /// Checks that each attribute is a key of something.
    pub fn check_all_used(&self, used: &[&str]) -> Result<(), Invalid> {
        let defined = self.names();
        if defined.iter().all(|name| used.contains(name)) {
            return Ok(());
        }
        let mut keys: Vec<&str> = used.to_vec();
        keys.sort_unstable();
        keys.dedup();
        Err(Invalid(format!(
            "One or more parameter values were invalid: Some AttributeDefinitions are not used. \
             AttributeDefinitions: [{}], keys used: [{}]",
            defined.join(", "),
            keys.join(", ")
        )))
    }
}

fn names(schema: &[KeySchemaElement]) -> Vec<&str> {
    schema.iter().map(|element| element.attribute_name.as_str()).collect()
}

/// The model allows as many elements everywhere as global indexes may have.
fn check_length(path: &str, schema: &[KeySchemaElement]) -> Result<(), Invalid> {
    if schema.len() <= 2 {
        return Ok(());
    }
    let elements: Vec<String> = schema
        .iter()
        .map(|element| {
            let KeySchemaElement { attribute_name, key_type } = element;
            format!("KeySchemaElement(attributeName={attribute_name}, keyType={key_type})")
        })
        .collect();
    Err(Invalid(format!(
        "1 validation error detected: Value '[{}]' at '{path}' failed to satisfy constraint: \
         Member must have length less than or equal to 2",
        elements.join(", ")
    )))
}

/// Partition attributes come first, then those to sort by, no attribute twice. Only global
/// indexes have more than two, or two for the partition.
fn check_roles(schema: &[KeySchemaElement]) -> Result<(), Invalid> {
    if duplicate(&names(schema)).is_some() {
        return Err(Invalid::new(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if schema.first().is_some_and(|element| element.key_type != KeyType::Hash) {
        let text = "Invalid KeySchema: The first KeySchemaElement is not a HASH key type";
        return Err(Invalid::new(text));
    }
    let is_range = |element: &KeySchemaElement| element.key_type == KeyType::Range;
    if !schema.is_sorted_by_key(is_range) {
        let text = "Invalid KeySchema: HASH KeySchemaElements must precede RANGE ones";
        return Err(Invalid::new(text));
    }
    Ok(())
}

/// The two elements of a table's or a local index's key have each their role.
fn check_second(schema: &[KeySchemaElement]) -> Result<(), Invalid> {
    if schema.get(1).is_some_and(|element| element.key_type != KeyType::Range) {
        let text = "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type";
        return Err(Invalid::new(text));
    }
    Ok(())
}

/// The first of the names that is there twice.
pub(crate) fn duplicate<'a>(names: &[&'a str]) -> Option<&'a str> {
    names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)).map(|(_, name)| *name)
}
