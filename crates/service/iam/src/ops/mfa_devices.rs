//! Virtual MFA devices: `CreateVirtualMFADevice`, `EnableMFADevice`, `ResyncMFADevice`,
//! `DeactivateMFADevice`, `DeleteVirtualMFADevice`, `ListMFADevices`, `ListVirtualMFADevices`,
//! `GetMFADevice`, and their tags.
//!
//! ```text
//! aws iam create-virtual-mfa-device --virtual-mfa-device-name ann --outfile ann.png \\
//!     --bootstrap-method QRCodePNG
//! aws iam enable-mfa-device --user-name ann --serial-number arn:… \\
//!     --authentication-code1 123456 --authentication-code2 789012
//! ```

use std::collections::HashMap;

use api_iam::{
    AssignmentStatusType, CreateVirtualMFADeviceRequest, CreateVirtualMFADeviceResponse,
    DeactivateMFADeviceOutput, DeactivateMFADeviceRequest, DeleteVirtualMFADeviceOutput,
    DeleteVirtualMFADeviceRequest, EnableMFADeviceOutput, EnableMFADeviceRequest,
    GetMFADeviceRequest, GetMFADeviceResponse, ListMFADeviceTagsRequest, ListMFADeviceTagsResponse,
    ListMFADevicesRequest, ListMFADevicesResponse, ListVirtualMFADevicesRequest,
    ListVirtualMFADevicesResponse, MFADevice, ResyncMFADeviceOutput, ResyncMFADeviceRequest,
    TagMFADeviceOutput, TagMFADeviceRequest, UntagMFADeviceOutput, UntagMFADeviceRequest,
    VirtualMFADevice,
};
use kernel::{Ctx, Fault, Timestamp};
use shape::Blob;
use store::{ReadTx, Scan};

use crate::caller::{Subject, subject};
use crate::entity::{self, change};
use crate::error::{Result, exists, must_first, no_such, quota, validation};
use crate::page::page;
use crate::record::{MFA, MfaRecord, UserRecord};
use crate::shown::Detail;
use crate::{Iam, access, mfa, shown, tags};

/// Devices that one user may have.
const PER_USER_MAX: usize = 8;

fn load(tx: &ReadTx, ctx: &Ctx, serial: &str) -> Result<MfaRecord> {
    let found = tx.get(&MFA, (ctx.account(), serial))?;
    Ok(found.ok_or_else(|| {
        no_such(format!("VirtualMFADevice with serial number {serial} doesn't exist."))
    })?)
}

/// The owner's name and id: of a user, or of the root.
fn owner(tx: &ReadTx, ctx: &Ctx, who: &Subject) -> Result<(String, String)> {
    Ok(match who {
        Subject::Root => ("root".to_owned(), ctx.account().to_owned()),
        Subject::User(name) => {
            let user: UserRecord = entity::load(tx, ctx.account(), name)?;
            (user.name, user.id)
        }
    })
}

fn of_owner(tx: &ReadTx, ctx: &Ctx, id: &str) -> Result<Vec<(String, MfaRecord)>> {
    let all = tx.scan(&MFA, Scan::prefix(ctx.account()))?.into_iter();
    let own = all.filter(|(_, record)| record.user_id.as_deref() == Some(id));
    Ok(own.map(|(_, record)| (record.serial.clone(), record)).collect())
}

pub(crate) async fn create_virtual_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: CreateVirtualMFADeviceRequest,
) -> Result<CreateVirtualMFADeviceResponse> {
    let path = input.path.unwrap_or_else(|| "/".to_owned());
    let good = path.starts_with('/') && path.ends_with('/') && !path.contains("//");
    if !good {
        let message = "The specified value for path is invalid. It must begin and end with / and \
                       contain only alphanumeric characters and/or / characters.";
        return Err(validation(message).into());
    }
    let name = input.virtual_mfa_device_name;
    let serial = crate::arn::of(ctx.account(), "mfa", &path, &name);
    let mut seed = [0; mfa::SEED_BYTES];
    ctx.random().fill(&mut seed);
    let record = MfaRecord {
        seed: access::sealed(ctx.kernel().sealer(), "mfa", &serial, &seed),
        serial: serial.clone(),
        tags: tags::given(input.tags)?,
        user_id: None,
        enabled_ms: 0,
        last_step: 0,
        drift: 0,
    };
    change(ctx, |tx| {
        if tx.contains(&MFA, (ctx.account(), &serial))? {
            let message = "MFADevice entity at the same path and name already exists.";
            return Err(exists(message).into());
        }
        Ok(tx.put(&MFA, (ctx.account(), &serial), &record)?)
    })
    .await?;
    let text = mfa::base32(&seed);
    let png = mfa::qr_png(ctx.account(), &name, &text)?;
    Ok(CreateVirtualMFADeviceResponse {
        virtual_mfa_device: VirtualMFADevice {
            serial_number: serial,
            base32_string_seed: Some(Blob::from(text.into_bytes())),
            qr_code_png: Some(Blob::from(png)),
            tags: tags::shown_if_any(&record.tags),
            ..VirtualMFADevice::default()
        },
    })
}

/// The steps of two consecutive codes, or AWS's refusal.
fn steps(ctx: &Ctx, record: &MfaRecord, codes: [&str; 2], reach: i64) -> Result<mfa::Pair> {
    let seed = access::opened(ctx.kernel().sealer(), "mfa", &record.serial, &record.seed)
        .map_err(Fault::internal)?;
    let now = ctx.now().epoch_ms;
    Ok(mfa::consecutive(&seed, now, codes, record.last_step, reach).ok_or_else(|| {
        Fault::new("InvalidAuthenticationCode", 403, "Authentication code for device is not valid")
    })?)
}

pub(crate) async fn enable_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: EnableMFADeviceRequest,
) -> Result<EnableMFADeviceOutput> {
    let who = Subject::User(input.user_name);
    let now_ms = ctx.now().epoch_ms;
    let codes = [input.authentication_code1.as_str(), input.authentication_code2.as_str()];
    change(ctx, |tx| {
        let (_, id) = owner(tx, ctx, &who)?;
        let mut record = load(tx, ctx, &input.serial_number)?;
        if record.user_id.is_some() {
            return Err(exists("MFA Device is already in use").into());
        }
        if of_owner(tx, ctx, &id)?.len() >= PER_USER_MAX {
            return Err(quota("MfaDevicesPerUser", PER_USER_MAX).into());
        }
        let pair = steps(ctx, &record, codes, mfa::REACH_STEPS)?;
        record.user_id = Some(id);
        record.enabled_ms = now_ms;
        (record.last_step, record.drift) = (pair.last_step, pair.drift);
        Ok(tx.put(&MFA, (ctx.account(), &record.serial), &record)?)
    })
    .await?;
    Ok(EnableMFADeviceOutput {})
}

/// A device of this owner.
fn own(tx: &ReadTx, ctx: &Ctx, who: &Subject, serial: &str) -> Result<MfaRecord> {
    let (_, id) = owner(tx, ctx, who)?;
    let found = tx.get(&MFA, (ctx.account(), serial))?;
    let own = found.filter(|record| record.user_id.as_deref() == Some(&id));
    Ok(own.ok_or_else(|| no_such("MFA Device invalid for user."))?)
}

pub(crate) async fn resync_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: ResyncMFADeviceRequest,
) -> Result<ResyncMFADeviceOutput> {
    let who = Subject::User(input.user_name);
    let codes = [input.authentication_code1.as_str(), input.authentication_code2.as_str()];
    change(ctx, |tx| {
        let mut record = own(tx, ctx, &who, &input.serial_number)?;
        let pair = steps(ctx, &record, codes, mfa::RESYNC_REACH_STEPS)?;
        (record.last_step, record.drift) = (pair.last_step, pair.drift);
        Ok(tx.put(&MFA, (ctx.account(), &record.serial), &record)?)
    })
    .await?;
    Ok(ResyncMFADeviceOutput {})
}

pub(crate) async fn deactivate_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: DeactivateMFADeviceRequest,
) -> Result<DeactivateMFADeviceOutput> {
    let who = subject(ctx, input.user_name)?;
    change(ctx, |tx| {
        let mut record = own(tx, ctx, &who, &input.serial_number)?;
        record.user_id = None;
        record.enabled_ms = 0;
        Ok(tx.put(&MFA, (ctx.account(), &record.serial), &record)?)
    })
    .await?;
    Ok(DeactivateMFADeviceOutput {})
}

pub(crate) async fn delete_virtual_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteVirtualMFADeviceRequest,
) -> Result<DeleteVirtualMFADeviceOutput> {
    change(ctx, |tx| {
        let record = load(tx, ctx, &input.serial_number)?;
        if record.user_id.is_some() {
            return Err(must_first("deactivate MFA device").into());
        }
        Ok(tx.delete(&MFA, (ctx.account(), &record.serial))?)
    })
    .await?;
    Ok(DeleteVirtualMFADeviceOutput {})
}

pub(crate) async fn get_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: GetMFADeviceRequest,
) -> Result<GetMFADeviceResponse> {
    let who = subject(ctx, input.user_name)?;
    let (name, record) = ctx.store().read(|tx| {
        let record = own(tx, ctx, &who, &input.serial_number)?;
        Ok::<_, api_iam::Error>((owner(tx, ctx, &who)?.0, record))
    })?;
    Ok(GetMFADeviceResponse {
        user_name: Some(name),
        serial_number: record.serial,
        enable_date: Some(Timestamp::from_ms(record.enabled_ms)),
        certifications: None,
    })
}

pub(crate) async fn list_mfa_devices(
    _: &Iam,
    ctx: &Ctx,
    input: ListMFADevicesRequest,
) -> Result<ListMFADevicesResponse> {
    let who = subject(ctx, input.user_name)?;
    let found = ctx.store().read(|tx| {
        let (name, id) = owner(tx, ctx, &who)?;
        let shown = of_owner(tx, ctx, &id)?.into_iter().map(|(serial, record)| {
            let enable_date = Timestamp::from_ms(record.enabled_ms);
            let device =
                MFADevice { user_name: name.clone(), serial_number: record.serial, enable_date };
            (serial, device)
        });
        Ok::<_, api_iam::Error>(shown.collect())
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListMFADevicesResponse {
        mfa_devices: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn list_virtual_mfa_devices(
    _: &Iam,
    ctx: &Ctx,
    input: ListVirtualMFADevicesRequest,
) -> Result<ListVirtualMFADevicesResponse> {
    let account = ctx.account();
    let wanted = |record: &MfaRecord| match input.assignment_status {
        Some(AssignmentStatusType::Assigned) => record.user_id.is_some(),
        Some(AssignmentStatusType::Unassigned) => record.user_id.is_none(),
        _ => true,
    };
    let found = ctx.store().read(|tx| {
        let users: HashMap<String, UserRecord> = entity::list::<UserRecord>(tx, account, None)?
            .into_iter()
            .map(|(_, user)| (user.id.clone(), user))
            .collect();
        let all = tx.scan(&MFA, Scan::prefix(account))?.into_iter();
        let shown = all.filter(|(_, record)| wanted(record)).map(|(_, record)| {
            let id = record.user_id.as_deref();
            let user = match id {
                Some(id) if id == account => Some(super::users::root(account)),
                Some(id) => users.get(id).map(|u| shown::user(account, u, Detail::Listed)),
                None => None,
            };
            let device = VirtualMFADevice {
                serial_number: record.serial.clone(),
                enable_date: id.map(|_| Timestamp::from_ms(record.enabled_ms)),
                user,
                ..VirtualMFADevice::default()
            };
            (record.serial, device)
        });
        Ok::<_, api_iam::Error>(shown.collect::<Vec<_>>())
    })?;
    let page = page(found, input.marker.as_deref(), input.max_items)?;
    Ok(ListVirtualMFADevicesResponse {
        virtual_mfa_devices: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

pub(crate) async fn tag_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: TagMFADeviceRequest,
) -> Result<TagMFADeviceOutput> {
    let more = tags::given(Some(input.tags))?;
    change(ctx, |tx| {
        let mut record = load(tx, ctx, &input.serial_number)?;
        tags::add(&mut record.tags, &more)?;
        Ok(tx.put(&MFA, (ctx.account(), &record.serial), &record)?)
    })
    .await?;
    Ok(TagMFADeviceOutput {})
}

pub(crate) async fn untag_mfa_device(
    _: &Iam,
    ctx: &Ctx,
    input: UntagMFADeviceRequest,
) -> Result<UntagMFADeviceOutput> {
    change(ctx, |tx| {
        let mut record = load(tx, ctx, &input.serial_number)?;
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(tx.put(&MFA, (ctx.account(), &record.serial), &record)?)
    })
    .await?;
    Ok(UntagMFADeviceOutput {})
}

pub(crate) async fn list_mfa_device_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListMFADeviceTagsRequest,
) -> Result<ListMFADeviceTagsResponse> {
    let record = ctx.store().read(|tx| load(tx, ctx, &input.serial_number))?;
    let page = page(tags::keyed(&record.tags), input.marker.as_deref(), input.max_items)?;
    Ok(ListMFADeviceTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
