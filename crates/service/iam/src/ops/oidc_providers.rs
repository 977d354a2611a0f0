//! OpenID Connect providers: `CreateOpenIDConnectProvider`, `GetOpenIDConnectProvider`,
//! `ListOpenIDConnectProviders`, `DeleteOpenIDConnectProvider`, their client ids, thumbprints and
//! tags.
//!
//! ```text
//! aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com \\
//!     --client-id-list sts.amazonaws.com
//! ```

use api_iam::{
    AddClientIDToOpenIDConnectProviderOutput, AddClientIDToOpenIDConnectProviderRequest,
    CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse,
    DeleteOpenIDConnectProviderOutput, DeleteOpenIDConnectProviderRequest,
    GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse,
    ListOpenIDConnectProviderTagsRequest, ListOpenIDConnectProviderTagsResponse,
    ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse,
    OpenIDConnectProviderListEntry, RemoveClientIDFromOpenIDConnectProviderOutput,
    RemoveClientIDFromOpenIDConnectProviderRequest, TagOpenIDConnectProviderOutput,
    TagOpenIDConnectProviderRequest, UntagOpenIDConnectProviderOutput,
    UntagOpenIDConnectProviderRequest, UpdateOpenIDConnectProviderThumbprintOutput,
    UpdateOpenIDConnectProviderThumbprintRequest,
};
use kernel::{Ctx, Timestamp};
use store::{ReadTx, Scan};

use crate::entity::{change, count};
use crate::error::{Result, arn_invalid, exists, invalid_input, no_such, quota, validation};
use crate::page::page;
use crate::record::{OIDC, OidcRecord};
use crate::{Iam, tags};

const PROVIDERS_MAX: usize = 100;
const CLIENTS_MAX: usize = 100;
const THUMBPRINTS_MAX: usize = 5;

fn arn(account: &str, url: &str) -> String {
    format!("arn:aws:iam::{account}:oidc-provider/{url}")
}

/// The address in an ARN of this account.
fn url_of<'a>(ctx: &Ctx, arn: &'a str) -> Result<&'a str> {
    let rest = arn.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(':'));
    match rest.and_then(|(account, rest)| Some((account, rest.strip_prefix("oidc-provider/")?))) {
        Some((account, url)) if account == ctx.account() => Ok(url),
        Some(_) => Err(absent(arn).into()),
        None => Err(arn_invalid(arn).into()),
    }
}

fn absent(arn: &str) -> kernel::Fault {
    no_such(format!("OpenIDConnect Provider not found for arn {arn}"))
}

fn load(tx: &ReadTx, ctx: &Ctx, arn: &str) -> Result<OidcRecord> {
    let url = url_of(ctx, arn)?;
    Ok(tx.get(&OIDC, (ctx.account(), url))?.ok_or_else(|| absent(arn))?)
}

async fn update(
    ctx: &Ctx,
    arn: &str,
    f: impl Fn(&mut OidcRecord) -> Result<()> + Send + Sync,
) -> Result<()> {
    change(ctx, |tx| {
        let mut record = load(tx, ctx, arn)?;
        f(&mut record)?;
        Ok(tx.put(&OIDC, (ctx.account(), &record.url), &record)?)
    })
    .await
}

/// Host and path of an address, as the ARN has it.
fn without_scheme(url: &str) -> Result<&str> {
    let invalid = || validation("Invalid Open ID Connect Provider URL");
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or_else(invalid)?.trim_end_matches('/');
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#');
    if host.is_empty() || !rest.chars().all(fits) { Err(invalid().into()) } else { Ok(rest) }
}

fn check_thumbprints(thumbprints: &[String]) -> Result<()> {
    if thumbprints.len() > THUMBPRINTS_MAX {
        return Err(invalid_input("Thumbprint list must contain fewer than 5 entries.").into());
    }
    match thumbprints.iter().find(|t| !t.bytes().all(|b| b.is_ascii_alphanumeric())) {
        Some(bad) => Err(invalid_input(format!("Thumbprint {bad} is not valid.")).into()),
        None => Ok(()),
    }
}

fn check_clients(clients: &[String]) -> Result<()> {
    match clients.len() > CLIENTS_MAX {
        true => Err(quota("ClientIdsPerOpenIdConnectProvider", CLIENTS_MAX).into()),
        false => Ok(()),
    }
}

pub(crate) async fn create_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: CreateOpenIDConnectProviderRequest,
) -> Result<CreateOpenIDConnectProviderResponse> {
    let mut record = OidcRecord {
        url: without_scheme(&input.url)?.to_owned(),
        clients: input.client_id_list.unwrap_or_default(),
        thumbprints: input.thumbprint_list.unwrap_or_default(),
        created_ms: ctx.now().epoch_ms,
        tags: tags::given(input.tags)?,
    };
    record.clients.dedup();
    check_thumbprints(&record.thumbprints)?;
    check_clients(&record.clients)?;
    change(ctx, |tx| {
        if tx.contains(&OIDC, (ctx.account(), &record.url))? {
            return Err(exists(format!("Provider with url {} already exists.", input.url)).into());
        }
        if count(tx, &OIDC, ctx.account())? >= PROVIDERS_MAX {
            return Err(quota("OpenIdConnectProvidersPerAccount", PROVIDERS_MAX).into());
        }
        Ok(tx.put(&OIDC, (ctx.account(), &record.url), &record)?)
    })
    .await?;
    Ok(CreateOpenIDConnectProviderResponse {
        open_id_connect_provider_arn: Some(arn(ctx.account(), &record.url)),
        tags: tags::shown_if_any(&record.tags),
    })
}

pub(crate) async fn get_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: GetOpenIDConnectProviderRequest,
) -> Result<GetOpenIDConnectProviderResponse> {
    let record = ctx.store().read(|tx| load(tx, ctx, &input.open_id_connect_provider_arn))?;
    Ok(GetOpenIDConnectProviderResponse {
        tags: tags::shown_if_any(&record.tags),
        url: Some(record.url),
        client_id_list: Some(record.clients),
        thumbprint_list: Some(record.thumbprints),
        create_date: Some(Timestamp::from_ms(record.created_ms)),
    })
}

pub(crate) async fn list_open_id_connect_providers(
    _: &Iam,
    ctx: &Ctx,
    _: ListOpenIDConnectProvidersRequest,
) -> Result<ListOpenIDConnectProvidersResponse> {
    let found = ctx.store().read(|tx| tx.scan(&OIDC, Scan::prefix(ctx.account())))?;
    let shown = found.iter().map(|(_, record)| OpenIDConnectProviderListEntry {
        arn: Some(arn(ctx.account(), &record.url)),
    });
    Ok(ListOpenIDConnectProvidersResponse { open_id_connect_provider_list: Some(shown.collect()) })
}

pub(crate) async fn delete_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: DeleteOpenIDConnectProviderRequest,
) -> Result<DeleteOpenIDConnectProviderOutput> {
    let url = url_of(ctx, &input.open_id_connect_provider_arn)?;
    // Gone already is no mistake, as in AWS.
    change(ctx, |tx| Ok(tx.delete(&OIDC, (ctx.account(), url))?)).await?;
    Ok(DeleteOpenIDConnectProviderOutput {})
}

pub(crate) async fn add_client_id_to_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: AddClientIDToOpenIDConnectProviderRequest,
) -> Result<AddClientIDToOpenIDConnectProviderOutput> {
    update(ctx, &input.open_id_connect_provider_arn, |record| {
        if !record.clients.contains(&input.client_id) {
            record.clients.push(input.client_id.clone());
        }
        check_clients(&record.clients)
    })
    .await?;
    Ok(AddClientIDToOpenIDConnectProviderOutput {})
}

pub(crate) async fn remove_client_id_from_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: RemoveClientIDFromOpenIDConnectProviderRequest,
) -> Result<RemoveClientIDFromOpenIDConnectProviderOutput> {
    update(ctx, &input.open_id_connect_provider_arn, |record| {
        record.clients.retain(|client| *client != input.client_id);
        Ok(())
    })
    .await?;
    Ok(RemoveClientIDFromOpenIDConnectProviderOutput {})
}

pub(crate) async fn update_open_id_connect_provider_thumbprint(
    _: &Iam,
    ctx: &Ctx,
    input: UpdateOpenIDConnectProviderThumbprintRequest,
) -> Result<UpdateOpenIDConnectProviderThumbprintOutput> {
    check_thumbprints(&input.thumbprint_list)?;
    update(ctx, &input.open_id_connect_provider_arn, |record| {
        record.thumbprints.clone_from(&input.thumbprint_list);
        Ok(())
    })
    .await?;
    Ok(UpdateOpenIDConnectProviderThumbprintOutput {})
}

pub(crate) async fn tag_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: TagOpenIDConnectProviderRequest,
) -> Result<TagOpenIDConnectProviderOutput> {
    let more = tags::given(Some(input.tags))?;
    update(ctx, &input.open_id_connect_provider_arn, |r| Ok(tags::add(&mut r.tags, &more)?))
        .await?;
    Ok(TagOpenIDConnectProviderOutput {})
}

pub(crate) async fn untag_open_id_connect_provider(
    _: &Iam,
    ctx: &Ctx,
    input: UntagOpenIDConnectProviderRequest,
) -> Result<UntagOpenIDConnectProviderOutput> {
    update(ctx, &input.open_id_connect_provider_arn, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagOpenIDConnectProviderOutput {})
}

pub(crate) async fn list_open_id_connect_provider_tags(
    _: &Iam,
    ctx: &Ctx,
    input: ListOpenIDConnectProviderTagsRequest,
) -> Result<ListOpenIDConnectProviderTagsResponse> {
    let record = ctx.store().read(|tx| load(tx, ctx, &input.open_id_connect_provider_arn))?;
    let page = page(tags::keyed(&record.tags), input.marker.as_deref(), input.max_items)?;
    Ok(ListOpenIDConnectProviderTagsResponse {
        tags: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
