//! Vector indexes as requests define them and as descriptions show them.
//!
//! What is checked is documented; where AWS's texts are not published, ours say what is wrong.

use api_dynamodb::{
    AttributeDefinition, CreateVectorIndexAction, IndexStatus, Projection, ProjectionType,
    SearchSchemaElement, SearchSchemaElementType, VectorAttributeDefinition,
    VectorDistanceFunction, VectorIndex, VectorIndexDescription,
};

use super::{DIMENSIONS_MAX, Distance, VectorIndexRecord};
use crate::count::Count;
use crate::describe;
use crate::index::{IndexProjection, IndexState};
use crate::invalid::Invalid;
use crate::table::{self, KeyAttribute, TableRecord};

/// Vector indexes a table may have; AWS's quota.
const INDEXES_MAX: usize = 20;

/// A new vector index, as CreateTable and UpdateTable give it.
pub(crate) struct Definition {
    pub name: String,
    pub attribute: VectorAttributeDefinition,
    pub schema: Option<Vec<SearchSchemaElement>>,
    pub projection: Projection,
    pub dimensions: i64,
    pub distance: VectorDistanceFunction,
}

impl From<VectorIndex> for Definition {
    fn from(index: VectorIndex) -> Definition {
        Definition {
            name: index.index_name,
            attribute: index.vector_attribute,
            schema: index.search_schema,
            projection: index.projection,
            dimensions: index.dimensions,
            distance: index.distance_function,
        }
    }
}

impl From<CreateVectorIndexAction> for Definition {
    fn from(index: CreateVectorIndexAction) -> Definition {
        Definition {
            name: index.index_name,
            attribute: index.vector_attribute,
            schema: index.search_schema,
            projection: index.projection,
            dimensions: index.dimensions,
            distance: index.distance_function,
        }
    }
}

impl Definition {
    /// The record of it, for a table that is otherwise complete.
    ///
    /// # Errors
    /// If it does not fit the table.
    pub fn record(
        self,
        table: &TableRecord,
        definitions: &[AttributeDefinition],
        state: IndexState,
    ) -> Result<VectorIndexRecord, Invalid> {
        self.check(table)?;
        let (partition, filters) = schema(self.schema.unwrap_or_default(), definitions)?;
        Ok(VectorIndexRecord {
            projection: projection(&self.name, self.projection, filters.len())?,
            name: self.name,
            // The caller finds one that is free.
            number: 0,
            attribute: self.attribute.attribute_name,
            dimensions: usize::try_from(self.dimensions).unwrap_or_default(),
            distance: match self.distance {
                VectorDistanceFunction::Euclidean => Distance::Euclidean,
                VectorDistanceFunction::DotProduct => Distance::DotProduct,
                _ => Distance::Cosine,
            },
            partition,
            filters,
            state,
        })
    }

    fn check(&self, table: &TableRecord) -> Result<(), Invalid> {
        let invalid = |problem: String| {
            Err(Invalid(format!("One or more parameter values were invalid: {problem}")))
        };
        let name = &self.name;
        if table.per_request_since_ms.is_none() {
            return Err(only_per_request());
        }
        if table.vectors.len() >= INDEXES_MAX {
            return invalid(format!("Vector index count exceeds the limit of {INDEXES_MAX}"));
        }
        let taken = table.index(name).is_some() || table.vectors.iter().any(|i| i.name == *name);
        if taken {
            return invalid(format!("Duplicate index name: {name}"));
        }
        if !(1..=DIMENSIONS_MAX).contains(&self.dimensions) {
            return invalid(format!(
                "Dimensions must be between 1 and {DIMENSIONS_MAX} for index: {name}"
            ));
        }
        let attribute = &self.attribute.attribute_name;
        let is_key = table.keys().chain(table.indexes.iter().flat_map(|i| i.keys()));
        if is_key.into_iter().any(|key| key.name == *attribute) {
            return invalid(format!("The vector attribute {attribute} is a key of the table"));
        }
        let same = table.vectors.iter().find(|index| index.attribute == *attribute);
        match same {
            Some(other) if other.dimensions as i64 != self.dimensions => invalid(format!(
                "Dimensions of index {name} differ from those of index {} of the same vector \
                 attribute",
                other.name
            )),
            _ => Ok(()),
        }
    }
}

/// What is said to a table with provisioned throughput.
pub(crate) fn only_per_request() -> Invalid {
    Invalid::new(
        "One or more parameter values were invalid: \
         Vector indexes are only supported for PAY_PER_REQUEST tables",
    )
}

/// The attributes of an index's search schema.
pub(crate) fn schema_names(index: &VectorIndex) -> impl Iterator<Item = &str> {
    index.search_schema.iter().flatten().map(|element| element.attribute_name.as_str())
}

/// Describes an index.
pub(crate) fn describe(
    index: &VectorIndexRecord,
    table_arn: &str,
    count: Count,
) -> VectorIndexDescription {
    use SearchSchemaElementType as Role;
    let role = |key: &KeyAttribute, role| SearchSchemaElement {
        attribute_name: key.name.clone(),
        search_schema_element_type: role,
    };
    let mut schema: Vec<_> = index.partition.iter().map(|key| role(key, Role::Hash)).collect();
    schema.extend(index.filters.iter().map(|key| role(key, Role::InlineFilter)));
    VectorIndexDescription {
        index_name: Some(index.name.clone()),
        search_schema: (!schema.is_empty()).then_some(schema),
        projection: Some(describe::projection(&index.projection)),
        vector_attribute: Some(VectorAttributeDefinition {
            attribute_name: index.attribute.clone(),
        }),
        dimensions: Some(index.dimensions as i64),
        distance_function: Some(match index.distance {
            Distance::Cosine => VectorDistanceFunction::Cosine,
            Distance::Euclidean => VectorDistanceFunction::Euclidean,
            Distance::DotProduct => VectorDistanceFunction::DotProduct,
        }),
        index_status: Some(match index.state {
            IndexState::Creating => IndexStatus::Creating,
            IndexState::Active => IndexStatus::Active,
            IndexState::Deleting => IndexStatus::Deleting,
        }),
        backfilling: (index.state == IndexState::Creating).then_some(true),
        index_size_bytes: Some(count.bytes as i64),
        item_count: Some(count.items as i64),
        index_arn: Some(format!("{table_arn}/index/{}", index.name)),
    }
}

/// The partition and the filters of a search schema.
fn schema(
    elements: Vec<SearchSchemaElement>,
    definitions: &[AttributeDefinition],
) -> Result<(Option<KeyAttribute>, Vec<KeyAttribute>), Invalid> {
    let (mut partition, mut filters) = (None, Vec::<KeyAttribute>::new());
    for element in elements {
        let name = element.attribute_name;
        let defined = definitions.iter().find(|definition| definition.attribute_name == name);
        let Some(defined) = defined else {
            return Err(Invalid::new(
                "One element in SearchSchema is not defined in attribute definitions",
            ));
        };
        let key_type = table::KeyType::from(&defined.attribute_type);
        let twice = partition.iter().chain(&filters).any(|key: &KeyAttribute| key.name == name);
        let is_hash = element.search_schema_element_type == SearchSchemaElementType::Hash;
        if twice || (is_hash && partition.is_some()) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: SearchSchema has the attribute {name} \
                 twice or more than one HASH element"
            )));
        }
        let key = KeyAttribute { name, key_type };
        if is_hash { partition = Some(key) } else { filters.push(key) }
    }
    Ok((partition, filters))
}

fn projection(name: &str, given: Projection, filters: usize) -> Result<IndexProjection, Invalid> {
    let names = given.non_key_attributes.unwrap_or_default();
    // The vector and each filter count as well.
    if names.len() + filters + 1 > 100 {
        return Err(Invalid(format!(
            "One or more parameter values were invalid: \
             Too many attributes are projected into index {name}: at most 100"
        )));
    }
    match given.projection_type {
        Some(ProjectionType::Include) if names.is_empty() => Err(Invalid::new(
            "One or more parameter values were invalid: \
             ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        )),
        Some(ProjectionType::Include) => Ok(IndexProjection::Include(names)),
        Some(other) if !names.is_empty() => Err(Invalid(format!(
            "One or more parameter values were invalid: \
             ProjectionType is {other}, but NonKeyAttributes is specified"
        ))),
        Some(ProjectionType::All) => Ok(IndexProjection::All),
        Some(_) => Ok(IndexProjection::KeysOnly),
        None => Err(Invalid::new(
            "One or more parameter values were invalid: Unknown ProjectionType: null",
        )),
    }
}
