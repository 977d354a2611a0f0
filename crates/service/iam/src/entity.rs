//! Records with a name: reading, writing, listing, counting them, all the same way.

use kernel::{Ctx, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ops::ControlFlow;
use store::{AnyTable, RawTable, ReadTx, Scan, Table, WriteTx};

use crate::error::{Result, named_exists, no_named, no_such, quota};
use crate::record::{
    GENERATIONS, GROUPS, Grants, GroupRecord, PROFILES, ProfileRecord, ROLES, RoleRecord, SERVER,
    ServerRecord, Tags, USERS, UserRecord,
};

/// A record that is found by its name.
pub(crate) trait Named: Serialize + DeserializeOwned + 'static {
    /// Where such records lie.
    const TABLE: &'static Table<Self>;
    /// In refusals, at the start of a sentence.
    const WHAT: &'static str;
    /// AWS's name of the limit, and the limit, for each account.
    const QUOTA: (&'static str, usize);
    /// Where the name is told.
    fn name(&self) -> &str;
    /// The path, with a slash at both ends.
    fn path(&self) -> &str;
    /// The refusal when there is none of that name.
    fn absent(name: &str) -> kernel::Fault {
        no_named(&Self::WHAT.to_lowercase(), name)
    }
    /// The refusal when the name is taken.
    fn taken(name: &str) -> kernel::Fault {
        named_exists(Self::WHAT, name)
    }
}

/// A record that policies can be attached to.
pub(crate) trait Entity: Named {
    /// `user`, `group` or `role`.
    const KIND: &'static str;
    /// The most characters of all inline policies, and AWS's refusal names the entity.
    const INLINE_MAX: usize;
    /// AWS's name of the limit of attached policies.
    const ATTACHED_QUOTA: &'static str;
    fn grants(&mut self) -> &mut Grants;
    /// The service that alone may change this, if it is a service's.
    fn linked_service(&self) -> Option<&str> {
        None
    }
}

/// A record with tags.
pub(crate) trait Tagged: Named {
    fn tags(&mut self) -> &mut Tags;
}

/// A record that a boundary can be set on.
pub(crate) trait Bounded: Entity {
    fn boundary(&mut self) -> &mut Option<String>;
}

macro_rules! named {
    ($record:ty, $table:ident, $what:literal, $quota:literal, $max:literal) => {
        impl Named for $record {
            const TABLE: &'static Table<Self> = &$table;
            const WHAT: &'static str = $what;
            const QUOTA: (&'static str, usize) = ($quota, $max);
            fn name(&self) -> &str {
                &self.name
            }
            fn path(&self) -> &str {
                &self.path
            }
        }
    };
}

named!(UserRecord, USERS, "User", "UsersPerAccount", 5000);
named!(GroupRecord, GROUPS, "Group", "GroupsPerAccount", 300);
named!(RoleRecord, ROLES, "Role", "RolesPerAccount", 1000);

impl Named for ProfileRecord {
    const TABLE: &'static Table<Self> = &PROFILES;
    const WHAT: &'static str = "Instance Profile";
    const QUOTA: (&'static str, usize) = ("InstanceProfilesPerAccount", 1000);
    fn name(&self) -> &str {
        &self.name
    }
    fn path(&self) -> &str {
        &self.path
    }
    fn absent(name: &str) -> kernel::Fault {
        no_such(format!("Instance Profile {name} cannot be found."))
    }
    fn taken(name: &str) -> kernel::Fault {
        crate::error::exists(format!("Instance Profile {name} already exists."))
    }
}

impl Named for ServerRecord {
    const TABLE: &'static Table<Self> = &SERVER;
    const WHAT: &'static str = "Server Certificate";
    const QUOTA: (&'static str, usize) = ("ServerCertificatesPerAccount", 20);
    fn name(&self) -> &str {
        &self.name
    }
    fn path(&self) -> &str {
        &self.path
    }
    fn absent(name: &str) -> kernel::Fault {
        no_named(Self::WHAT, name)
    }
    fn taken(name: &str) -> kernel::Fault {
        crate::error::exists(format!("The Server Certificate with name {name} already exists."))
    }
}

impl Tagged for ServerRecord {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Entity for UserRecord {
    const KIND: &'static str = "user";
    const INLINE_MAX: usize = 2048;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerUser";
    fn grants(&mut self) -> &mut Grants {
        &mut self.grants
    }
}

impl Entity for GroupRecord {
    const KIND: &'static str = "group";
    const INLINE_MAX: usize = 5120;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerGroup";
    fn grants(&mut self) -> &mut Grants {
        &mut self.grants
    }
}

impl Entity for RoleRecord {
    const KIND: &'static str = "role";
    const INLINE_MAX: usize = 10240;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerRole";
    fn grants(&mut self) -> &mut Grants {
        &mut self.grants
    }
    fn linked_service(&self) -> Option<&str> {
        self.linked_service.as_deref()
    }
}

impl Bounded for UserRecord {
    fn boundary(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

impl Bounded for RoleRecord {
    fn boundary(&mut self) -> &mut Option<String> {
        &mut self.boundary
    }
}

impl Tagged for UserRecord {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for RoleRecord {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

impl Tagged for ProfileRecord {
    fn tags(&mut self) -> &mut Tags {
        &mut self.tags
    }
}

/// The form of a name that is its key.
pub(crate) fn key(name: &str) -> String {
    name.to_lowercase()
}

/// A record, if there is one.
pub(crate) fn find<T: Named>(
    tx: &ReadTx,
    account: &str,
    name: &str,
) -> std::result::Result<Option<T>, StoreError> {
    tx.get(T::TABLE, (account, &key(name)))
}

/// A record, or the refusal that it does not exist.
pub(crate) fn load<T: Named>(tx: &ReadTx, account: &str, name: &str) -> Result<T> {
    Ok(find(tx, account, name)?.ok_or_else(|| T::absent(name))?)
}

/// Writes a record under its name.
pub(crate) fn save<T: Named>(tx: &mut WriteTx, account: &str, record: &T) -> Result<()> {
    Ok(tx.put(T::TABLE, (account, &key(record.name())), record)?)
}

/// Writes a record that is new: neither its name nor the account's quota may be taken.
pub(crate) fn create<T: Named>(tx: &mut WriteTx, account: &str, record: &T) -> Result<()> {
    if tx.contains(T::TABLE, (account, &key(record.name())))? {
        return Err(T::taken(record.name()).into());
    }
    let (name, max) = T::QUOTA;
    if count(tx, T::TABLE, account)? >= max {
        return Err(quota(name, max).into());
    }
    save(tx, account, record)
}

/// All records of an account whose path begins with `prefix`, with their keys, by name.
pub(crate) fn list<T: Named>(
    tx: &ReadTx,
    account: &str,
    prefix: Option<&str>,
) -> Result<Vec<(String, T)>> {
    let records = tx.scan(T::TABLE, Scan::prefix(account))?.into_iter();
    let wanted = records.filter(|(_, r)| prefix.is_none_or(|prefix| r.path().starts_with(prefix)));
    Ok(wanted.map(|(_, record)| (key(record.name()), record)).collect())
}

/// How many records an account has in a table whose keys begin with the account.
pub(crate) fn count<T>(tx: &ReadTx, table: &Table<T>, account: &str) -> Result<usize> {
    let table = RawTable::new(table.name());
    let mut count = 0;
    tx.scan_raw(&table, &Scan::prefix(account), &mut |_, _| {
        count += 1;
        ControlFlow::Continue(())
    })?;
    Ok(count)
}

/// Runs a transaction that changes something of the account: everything compiled from the
/// account's policies is out of date after it.
pub(crate) async fn change<R>(
    ctx: &Ctx,
    mut f: impl FnMut(&mut WriteTx) -> Result<R> + Send,
) -> Result<R> {
    ctx.store()
        .write(|tx| {
            let result = f(tx)?;
            let generation = tx.get(&GENERATIONS, ctx.account())?.unwrap_or(0);
            tx.put(&GENERATIONS, ctx.account(), &(generation + 1))?;
            Ok(result)
        })
        .await
}
