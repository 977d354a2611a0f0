//! The table that a restore makes: like the source was, but for what the request overrides.
//!
//! Tags, streams, expiry, recovery, protection and class are not restored, as in AWS.

use api_dynamodb::{
    BillingMode, Error, GlobalSecondaryIndex, LocalSecondaryIndex, OnDemandThroughput, Projection,
    ProjectionType, ProvisionedThroughput, SSESpecification, VectorIndex,
};
use kernel::Ctx;

use crate::describe;
use crate::fault;
use crate::index::{IndexKind, IndexProjection, IndexRecord, IndexState};
use crate::invalid::Invalid;
use crate::sse::{self, NewKey, Wanted};
use crate::table::{OnDemandRecord, RestoreRecord, TableRecord, Throughput};

/// What a request wants otherwise; both restores have the same.
pub(crate) struct Overrides {
    pub billing: Option<BillingMode>,
    pub global: Option<Vec<GlobalSecondaryIndex>>,
    pub local: Option<Vec<LocalSecondaryIndex>>,
    pub provisioned: Option<ProvisionedThroughput>,
    pub on_demand: Option<OnDemandThroughput>,
    pub sse: Option<SSESpecification>,
    pub vectors: Option<Vec<VectorIndex>>,
}

fn invalid(problem: &str) -> Invalid {
    Invalid(format!("Invalid Request: {problem}"))
}

impl Overrides {
    /// Refuses what is not served.
    pub fn refuse(&self, operation: &str) -> Result<(), Error> {
        let refused =
            [("VectorIndexOverride", self.vectors.as_ref().is_some_and(|list| !list.is_empty()))];
        Ok(fault::refuse(operation, &refused)?)
    }

    /// Checks the region of the source: one from elsewhere must say how to encrypt here.
    pub fn check_region(&self, ctx: &Ctx, source_region: &str) -> Result<(), Invalid> {
        if source_region == ctx.region() || self.sse.is_some() {
            return Ok(());
        }
        Err(invalid("sseSpecificationOverride must be provided for cross-region restores"))
    }

    /// A data key for the new table: as the request says, or else as the source was encrypted.
    pub async fn key(
        &self,
        ctx: &Ctx,
        name: &str,
        source: Option<TableRecord>,
    ) -> Result<Option<NewKey>, Error> {
        let wanted = match sse::wanted(self.sse.as_ref())? {
            Wanted::Nothing if self.sse.is_none() => {
                let kms_arn = source.and_then(|table| table.sse?.kms_arn);
                kms_arn.map_or(Wanted::Off, |arn| Wanted::Kms(Some(arn)))
            }
            wanted => wanted,
        };
        sse::prepare(ctx, name, &wanted).await
    }

    /// The new table.
    ///
    /// # Errors
    /// If the overrides do not fit each other or the source.
    pub fn table(
        &self,
        ctx: &Ctx,
        source: &TableRecord,
        restored: Option<RestoreRecord>,
    ) -> Result<TableRecord, Invalid> {
        let now_ms = ctx.now().epoch_ms;
        let was_per_request = source.per_request_since_ms.is_some();
        let per_request = match &self.billing {
            Some(mode) => *mode == BillingMode::PayPerRequest,
            None => was_per_request,
        };
        self.check_units(per_request, was_per_request)?;
        let mut table = TableRecord {
            id: ctx.random().uuid(),
            number: ctx.random().u64(),
            created_ms: now_ms,
            throughput: self.throughput(source, per_request),
            per_request_since_ms: per_request.then_some(now_ms),
            deletion_protection: false,
            class: None,
            tags: Vec::new(),
            stream: None,
            latest_stream_label: None,
            ttl: None,
            recovery: None,
            restored,
            replicas: Vec::new(),
            strong: false,
            on_demand: self.on_demand(source, per_request),
            warm: None,
            sse: None,
            indexes: self.indexes(source)?,
            ..source.clone()
        };
        for index in &mut table.indexes {
            index.number = ctx.random().u64();
            index.state = IndexState::Active;
            index.warm = None;
            self.check_index(index, per_request, was_per_request)?;
        }
        if self.vectors.is_some() {
            table.vectors.clear();
        }
        table.vectors.retain(|index| index.state != IndexState::Deleting);
        for index in &mut table.vectors {
            index.number = ctx.random().u64();
            index.state = IndexState::Active;
        }
        Ok(table)
    }

    fn check_units(&self, per_request: bool, was_per_request: bool) -> Result<(), Invalid> {
        let is_overridden = self.billing.is_some();
        if self.provisioned.is_some() && per_request {
            return Err(invalid(if is_overridden {
                "Cannot override ProvisionedThroughput if BillingMode is overridden to \
                 PAY_PER_REQUEST"
            } else {
                "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED"
            }));
        }
        if self.provisioned.is_none() && !per_request && was_per_request {
            return Err(invalid(
                "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
            ));
        }
        let Some(on_demand) = &self.on_demand else { return Ok(()) };
        let units = [
            ("MaxReadRequestUnits", on_demand.max_read_request_units),
            ("MaxWriteRequestUnits", on_demand.max_write_request_units),
        ];
        for (name, units) in units.into_iter().filter_map(|(name, units)| Some((name, units?))) {
            if !per_request {
                return Err(invalid(&format!(
                    "Cannot override {name} for OnDemandThroughput unless BillingModeOverride is \
                     PAY_PER_REQUEST"
                )));
            }
            if units < 1 && units != -1 {
                return Err(Invalid(format!(
                    "One or more parameter values were invalid: Requested {name} for \
                     OnDemandThroughput is outside of valid range"
                )));
            }
        }
        Ok(())
    }

    fn throughput(&self, source: &TableRecord, per_request: bool) -> Throughput {
        let (read_units, write_units) = match &self.provisioned {
            _ if per_request => (0, 0),
            Some(given) => (given.read_capacity_units, given.write_capacity_units),
            None => (source.throughput.read_units, source.throughput.write_units),
        };
        Throughput { read_units, write_units, ..Throughput::default() }
    }

    fn on_demand(&self, source: &TableRecord, per_request: bool) -> OnDemandRecord {
        match &self.on_demand {
            _ if !per_request => OnDemandRecord::default(),
            Some(given) => limits(given),
            None => source.on_demand,
        }
    }

    /// The indexes of the source, or those of them that are wanted.
    fn indexes(&self, source: &TableRecord) -> Result<Vec<IndexRecord>, Invalid> {
        let of = |kind| {
            let lives = move |i: &&IndexRecord| i.kind == kind && i.state != IndexState::Deleting;
            source.indexes.iter().filter(lives).cloned().collect::<Vec<_>>()
        };
        let mut local = of(IndexKind::Local);
        if let Some(wanted) = &self.local {
            let wanted = wanted.iter().map(|index| {
                matching(&local, &index.index_name, &index.key_schema, &index.projection)
            });
            local = wanted.collect::<Result<_, _>>()?;
        }
        let mut global = of(IndexKind::Global);
        if let Some(wanted) = &self.global {
            let wanted = wanted.iter().map(|index| {
                let known =
                    matching(&global, &index.index_name, &index.key_schema, &index.projection)?;
                Ok::<_, Invalid>(with_units(known, index))
            });
            global = wanted.collect::<Result<_, _>>()?;
        }
        local.append(&mut global);
        let mut names: Vec<&str> = local.iter().map(|index| index.name.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: Duplicate index name: {}",
                twice[0]
            )));
        }
        Ok(local)
    }

    /// Checks that an index has units if and only if the table does.
    fn check_index(
        &self,
        index: &mut IndexRecord,
        per_request: bool,
        was_per_request: bool,
    ) -> Result<(), Invalid> {
        if index.kind == IndexKind::Local {
            return Ok(());
        }
        let given = self.global.iter().flatten().find(|given| given.index_name == index.name);
        let units = given.and_then(|given| given.provisioned_throughput.as_ref());
        if per_request {
            if units.is_some() {
                return Err(invalid(&format!(
                    "Cannot override ProvisionedThroughput if BillingMode is overridden to \
                     PAY_PER_REQUEST for index {}",
                    index.name
                )));
            }
            index.throughput = Throughput::default();
        } else if units.is_none() && was_per_request {
            return Err(invalid(&format!(
                "Must specify provisioned throughput for index {}",
                index.name
            )));
        }
        Ok(())
    }
}

/// The index of the source that a wanted one means: by its keys and projection, whatever its name.
fn matching(
    known: &[IndexRecord],
    name: &str,
    schema: &[api_dynamodb::KeySchemaElement],
    projection: &Projection,
) -> Result<IndexRecord, Invalid> {
    let is_it = |index: &&IndexRecord| {
        let own = describe::key_schema(&index.partition, &index.sort);
        let same = own.len() == schema.len()
            && own
                .iter()
                .zip(schema)
                .all(|(a, b)| a.attribute_name == b.attribute_name && a.key_type == b.key_type);
        same && projects_same(&index.projection, projection)
    };
    let found = known.iter().find(is_it).ok_or_else(|| {
        invalid(&format!(
            "Index {name} does not match a secondary index that existed in the source table and \
             cannot be created during the restore operation"
        ))
    })?;
    Ok(IndexRecord { name: name.to_owned(), ..found.clone() })
}

fn projects_same(known: &IndexProjection, wanted: &Projection) -> bool {
    match known {
        IndexProjection::All => wanted.projection_type == Some(ProjectionType::All),
        IndexProjection::KeysOnly => wanted.projection_type == Some(ProjectionType::KeysOnly),
        IndexProjection::Include(names) => {
            let sorted = |names: &[String]| {
                let mut names = names.to_vec();
                names.sort();
                names
            };
            let given = wanted.non_key_attributes.as_deref().unwrap_or_default();
            wanted.projection_type == Some(ProjectionType::Include)
                && sorted(names) == sorted(given)
        }
    }
}

fn with_units(index: IndexRecord, wanted: &GlobalSecondaryIndex) -> IndexRecord {
    let throughput = match &wanted.provisioned_throughput {
        Some(given) => Throughput {
            read_units: given.read_capacity_units,
            write_units: given.write_capacity_units,
            ..Throughput::default()
        },
        None => index.throughput,
    };
    let on_demand = wanted.on_demand_throughput.as_ref().map_or(index.on_demand, limits);
    IndexRecord { throughput, on_demand, ..index }
}

fn limits(given: &OnDemandThroughput) -> OnDemandRecord {
    // As in CreateTable, -1 takes a limit away.
    OnDemandRecord {
        read_units_max: given.max_read_request_units.filter(|units| *units > 0),
        write_units_max: given.max_write_request_units.filter(|units| *units > 0),
    }
}
