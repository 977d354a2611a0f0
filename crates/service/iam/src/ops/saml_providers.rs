//! SAML providers: `CreateSAMLProvider`, `GetSAMLProvider`, `ListSAMLProviders`,
//! `UpdateSAMLProvider`, `DeleteSAMLProvider`, and their tags.
//!
//! ```text
//! aws iam create-saml-provider --name office --saml-metadata-document file://metadata.xml
//! ```

use api_iam::{
    AssertionEncryptionModeType, CreateSAMLProviderRequest, CreateSAMLProviderResponse,
    DeleteSAMLProviderOutput, DeleteSAMLProviderRequest, GetSAMLProviderRequest,
    GetSAMLProviderResponse, ListSAMLProviderTagsRequest, ListSAMLProviderTagsResponse,
    ListSAMLProvidersRequest, ListSAMLProvidersResponse, SAMLPrivateKey, SAMLProviderListEntry,
    TagSAMLProviderOutput, TagSAMLProviderRequest, UntagSAMLProviderOutput,
    UntagSAMLProviderRequest, UpdateSAMLProviderRequest, UpdateSAMLProviderResponse,
};
use kernel::{Ctx, Timestamp};
use shape::TimeFormat;
use store::{ReadTx, Scan};

use crate::entity::{change, count, key};
use crate::error::{Result, arn_invalid, invalid_input, limit, named_exists, no_such, quota};
use crate::page::page;
use crate::record::{SAML, SamlKey, SamlRecord};
use crate::{Iam, access, id, pem, saml, tags};

const PROVIDERS_MAX: usize = 100;
const KEYS_MAX: usize = 2;
/// Metadata that says nothing else is valid for a hundred years.
const VALID_MS: i64 = 100 * 365 * 86_400_000;

fn arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:saml-provider/{name}")
}

fn load(tx: &ReadTx, ctx: &Ctx, arn: &str) -> Result<SamlRecord> {
    let Some((account, "/", name)) = crate::arn::parts(arn, "saml-provider") else {
        return Err(arn_invalid(arn).into());
    };
    let found = match account == ctx.account() {
        true => tx.get(&SAML, (account, &key(name)))?,
        false => None,
    };
    Ok(found.ok_or_else(|| no_such(format!("Manifest not found for arn {arn}")))?)
}

async fn update(
    ctx: &Ctx,
    arn: &str,
    f: impl Fn(&mut SamlRecord) -> Result<()> + Send + Sync,
) -> Result<()> {
    change(ctx, |tx| {
        let mut record = load(tx, ctx, arn)?;
        f(&mut record)?;
        Ok(tx.put(&SAML, (ctx.account(), &key(&record.name)), &record)?)
    })
    .await
}

/// Until when metadata is valid, if it is metadata.
fn checked(text: &str, now_ms: i64) -> Result<i64> {
    let unreadable = || invalid_input("Could not parse metadata");
    let metadata = saml::metadata(text).ok_or_else(unreadable)?;
    let Some(until) = metadata.valid_until else { return Ok(now_ms + VALID_MS) };
    let until = Timestamp::parse(&until, TimeFormat::Iso8601).map_err(|_| unreadable())?;
    Ok(until.epoch_ms)
}

/// A private key that opens assertions, sealed.
fn sealed_key(ctx: &Ctx, text: &str) -> Result<SamlKey> {
    if pem::blocks(text).is_none_or(|blocks| blocks.len() != 1) {
        return Err(invalid_input("Could not parse the private key").into());
    }
    let id = ctx.random().base32(22);
    let key = access::sealed(ctx.kernel().sealer(), "saml-key", &id, text.as_bytes());
    Ok(SamlKey { id, added_ms: ctx.now().epoch_ms, key })
}

fn required(mode: Option<AssertionEncryptionModeType>) -> Option<bool> {
    mode.map(|mode| matches!(mode, AssertionEncryptionModeType::Required))
}

pub(crate) async fn create_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: CreateSAMLProviderRequest,
) -> Result<CreateSAMLProviderResponse> {
    let now_ms = ctx.now().epoch_ms;
    let private_key = input.add_private_key.map(|text| sealed_key(ctx, &text)).transpose()?;
    let record = SamlRecord {
        valid_until_ms: checked(&input.saml_metadata_document, now_ms)?,
        name: input.name,
        id: id::unique(ctx, "ASPA"),
        metadata: input.saml_metadata_document,
        created_ms: now_ms,
        tags: tags::given(input.tags)?,
        encryption_required: required(input.assertion_encryption_mode),
        keys: private_key.into_iter().collect(),
    };
    check_encryption(&record)?;
    change(ctx, |tx| {
        let place = (ctx.account(), &key(&record.name));
        if tx.contains(&SAML, place)? {
            return Err(named_exists("SAMLProvider", &record.name).into());
        }
        if count(tx, &SAML, ctx.account())? >= PROVIDERS_MAX {
            return Err(quota("SAMLProvidersPerAccount", PROVIDERS_MAX).into());
        }
        Ok(tx.put(&SAML, place, &record)?)
    })
    .await?;
    Ok(CreateSAMLProviderResponse {
        saml_provider_arn: Some(arn(ctx.account(), &record.name)),
        tags: tags::shown_if_any(&record.tags),
    })
}

/// Encryption that is demanded needs a key to open what comes.
fn check_encryption(record: &SamlRecord) -> Result<()> {
    match record.encryption_required == Some(true) && record.keys.is_empty() {
        true => Err(invalid_input("A private key is needed to require encryption.").into()),
        false => Ok(()),
    }
}

pub(crate) async fn get_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: GetSAMLProviderRequest,
) -> Result<GetSAMLProviderResponse> {
    let record = ctx.store().read(|tx| load(tx, ctx, &input.saml_provider_arn))?;
    let keys = record.keys.iter().map(|key| SAMLPrivateKey {
        key_id: Some(key.id.clone()),
        timestamp: Some(Timestamp::from_ms(key.added_ms)),
    });
    Ok(GetSAMLProviderResponse {
        private_key_list: (!record.keys.is_empty()).then(|| keys.collect()),
        tags: tags::shown_if_any(&record.tags),
        saml_provider_uuid: Some(record.id),
        saml_metadata_document: Some(record.metadata),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
        valid_until: Some(Timestamp::from_ms(record.valid_until_ms)),
        assertion_encryption_mode: record.encryption_required.map(|required| match required {
            true => AssertionEncryptionModeType::Required,
            false => AssertionEncryptionModeType::Allowed,
        }),
    })
}

pub(crate) async fn list_saml_providers(
    _: &Iam,
    ctx: &Ctx,
    _: ListSAMLProvidersRequest,
) -> Result<ListSAMLProvidersResponse> {
    let found = ctx.store().read(|tx| tx.scan(&SAML, Scan::prefix(ctx.account())))?;
    let shown = found.iter().map(|(_, record)| SAMLProviderListEntry {
        arn: Some(arn(ctx.account(), &record.name)),
        valid_until: Some(Timestamp::from_ms(record.valid_until_ms)),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
    });
    Ok(ListSAMLProvidersResponse { saml_provider_list: Some(shown.collect()) })
}

pub(crate) async fn update_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateSAMLProviderRequest,
) -> Result<UpdateSAMLProviderResponse> {
    let until_ms = match &input.saml_metadata_document {
        Some(text) => Some(checked(text, ctx.now().epoch_ms)?),
        None => None,
    };
    let added = input.add_private_key.map(|text| sealed_key(ctx, &text)).transpose()?;
    update(ctx, &input.saml_provider_arn, |record| {
        if let (Some(text), Some(until_ms)) = (&input.saml_metadata_document, until_ms) {
            record.metadata.clone_from(text);
            record.valid_until_ms = until_ms;
        }
        if let Some(id) = &input.remove_private_key {
            let before = record.keys.len();
            record.keys.retain(|key| key.id != *id);
            if record.keys.len() == before {
                let message = format!("The private key with id {id} cannot be found.");
                return Err(no_such(message).into());
            }
        }
        record.keys.extend(added.clone());
        if record.keys.len() > KEYS_MAX {
            return Err(limit("A SAML provider can have two private keys at most.").into());
        }
        let mode = input.assertion_encryption_mode.clone();
        record.encryption_required = required(mode).or(record.encryption_required);
        check_encryption(record)
    })
    .await?;
    Ok(UpdateSAMLProviderResponse { saml_provider_arn: Some(input.saml_provider_arn) })
}

pub(crate) async fn delete_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteSAMLProviderRequest,
) -> Result<DeleteSAMLProviderOutput> {
    change(ctx, |tx| {
        let record = load(tx, ctx, &input.saml_provider_arn)?;
        Ok(tx.delete(&SAML, (ctx.account(), &key(&record.name)))?)
    })
    .await?;
    Ok(DeleteSAMLProviderOutput {})
}

pub(crate) async fn tag_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: TagSAMLProviderRequest,
) -> Result<TagSAMLProviderOutput> {
    let more = tags::given(Some(input.tags))?;
    update(ctx, &input.saml_provider_arn, |r| Ok(tags::add(&mut r.tags, &more)?)).await?;
    Ok(TagSAMLProviderOutput {})
}

pub(crate) async fn untag_saml_provider(
    _: &Iam,
    ctx: &Ctx,
    input: UntagSAMLProviderRequest,
) -> Result<UntagSAMLProviderOutput> {
    update(ctx, &input.saml_provider_arn, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagSAMLProviderOutput {})
}

pub(crate) async fn list_saml_provider_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListSAMLProviderTagsRequest,
) -> Result<ListSAMLProviderTagsResponse> {
    let record = ctx.store().read(|tx| load(tx, ctx, &input.saml_provider_arn))?;
    let page = page(tags::keyed(&record.tags), input.marker.as_deref(), input.max_items)?;
    Ok(ListSAMLProviderTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
