//! Layers: `PublishLayerVersion`, and what finds, lists and deletes versions.
//!
//! ```text
//! aws lambda publish-layer-version --layer-name tools --zip-file fileb://tools.zip
//! {"LayerVersionArn": "arn:aws:lambda:…:layer:tools:1", "Version": 1, …}
//! ```

use api_lambda::*;
use kernel::Ctx;
use store::{Part, Scan};

use crate::layers::{LAYER_POLICIES, LAYER_VERSIONS, LAYERS, LayerName, LayerVersion, missing};
use crate::record::{CODE_USERS, FunctionRecord};
use crate::source::{self, Source};
use crate::{Lambda, page};

pub(crate) async fn publish_layer_version(
    api: &Lambda,
    ctx: &Ctx,
    input: PublishLayerVersionRequest,
) -> Result<PublishLayerVersionResponse, Error> {
    let layer = LayerName::whole(ctx, &input.layer_name);
    let source = Source {
        zip_file: input.content.zip_file,
        bucket: input.content.s3_bucket,
        key: input.content.s3_key,
        version: input.content.s3_object_version,
    };
    let package = source::package(ctx, source).await?;
    let code_bytes = package.len() as i64;
    let _in_use = api.host.code.in_use.read().await;
    let code = api.host.code.add(package).await?;
    let names = |list: Vec<Runtime>| list.iter().map(|one| one.as_str().to_owned()).collect();
    let architectures =
        |list: Vec<Architecture>| list.iter().map(|one| one.as_str().to_owned()).collect();
    let made = LayerVersion {
        description: input.description,
        license: input.license_info,
        runtimes: input.compatible_runtimes.map(names),
        architectures: input.compatible_architectures.map(architectures),
        unzipped_bytes: api.host.code.unzipped_bytes(&code).await?,
        code,
        code_bytes,
        created_ms: ctx.now().epoch_ms,
    };
    let name = ctx
        .store()
        .write(|tx| {
            let number = tx.get(&LAYERS, layer.layer_key())?.unwrap_or(0) + 1;
            let name = LayerName { number, ..layer.clone() };
            tx.put(&LAYERS, name.layer_key(), &number)?;
            tx.put(&LAYER_VERSIONS, name.key(), &made)?;
            tx.put(&CODE_USERS, name.user_key(&made.code), &())?;
            Ok::<_, Error>(name)
        })
        .await?;
    Ok(PublishLayerVersionResponse {
        content: Some(made.content(api, ctx)?),
        layer_arn: Some(name.layer_arn()),
        layer_version_arn: Some(name.arn()),
        created_date: Some(made.created()),
        version: Some(name.number as i64),
        compatible_architectures: made.compatible_architectures(),
        compatible_runtimes: made.compatible_runtimes(),
        description: made.description,
        license_info: made.license,
    })
}

pub(crate) async fn get_layer_version(
    api: &Lambda,
    ctx: &Ctx,
    input: GetLayerVersionRequest,
) -> Result<GetLayerVersionResponse, Error> {
    let name = LayerName::parse(ctx, &input.layer_name, input.version_number)?;
    found(api, ctx, &name)
}

pub(crate) async fn get_layer_version_by_arn(
    api: &Lambda,
    ctx: &Ctx,
    input: GetLayerVersionByArnRequest,
) -> Result<GetLayerVersionResponse, Error> {
    found(api, ctx, &LayerName::of_arn(&input.arn).ok_or_else(missing)?)
}

fn found(api: &Lambda, ctx: &Ctx, name: &LayerName) -> Result<GetLayerVersionResponse, Error> {
    name.check_readable(ctx)?;
    let found = ctx.store().read(|tx| name.load(tx))?.ok_or_else(missing)?;
    Ok(GetLayerVersionResponse {
        content: Some(found.content(api, ctx)?),
        layer_arn: Some(name.layer_arn()),
        layer_version_arn: Some(name.arn()),
        created_date: Some(found.created()),
        version: Some(name.number as i64),
        compatible_architectures: found.compatible_architectures(),
        compatible_runtimes: found.compatible_runtimes(),
        description: found.description,
        license_info: found.license,
    })
}

pub(crate) async fn delete_layer_version(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteLayerVersionRequest,
) -> Result<DeleteLayerVersionOutput, Error> {
    let name = LayerName::parse(ctx, &input.layer_name, input.version_number)?;
    let code = ctx
        .store()
        .write(|tx| {
            let Some(found) = name.load(tx)? else { return Ok::<_, Error>(None) };
            tx.delete(&LAYER_VERSIONS, name.key())?;
            tx.delete(&LAYER_POLICIES, name.key())?;
            tx.delete(&CODE_USERS, name.user_key(&found.code))?;
            Ok(Some(found.code))
        })
        .await?;
    api.forget_unused(ctx, code.as_slice()).await?;
    Ok(DeleteLayerVersionOutput {})
}

pub(crate) async fn list_layers(
    _: &Lambda,
    ctx: &Ctx,
    input: ListLayersRequest,
) -> Result<ListLayersResponse, Error> {
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(FunctionRecord::prefix(ctx));
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after(FunctionRecord::key(ctx, &last));
    }
    let (runtime, architecture) = (&input.compatible_runtime, &input.compatible_architecture);
    let fits = |version: &LayerVersion| version.fits(runtime.as_ref(), architecture.as_ref());
    let mut found = ctx.store().read(|tx| {
        let mut found = Vec::new();
        for (key, _) in tx.scan(&LAYERS, scan)? {
            let Some(Part::Text(text)) = key.parts().and_then(|mut parts| parts.pop()) else {
                continue;
            };
            let name = LayerName::whole(ctx, &text);
            let latest = Scan::prefix(name.layer_key()).reverse();
            let versions = tx.scan(&LAYER_VERSIONS, latest)?;
            let latest = versions.into_iter().find(|(_, version)| fits(version));
            let Some((key, version)) = latest else { continue };
            found.push((LayerName { number: number(&key), ..name }, version));
            if found.len() > limit {
                break;
            }
        }
        Ok::<_, Error>(found)
    })?;
    let next_marker = page::cut(&mut found, limit, |(name, _)| name.name.clone());
    let item = |(name, version): &(LayerName, LayerVersion)| LayersListItem {
        layer_name: Some(name.name.clone()),
        layer_arn: Some(name.layer_arn()),
        latest_matching_version: Some(version.item(name)),
    };
    Ok(ListLayersResponse { next_marker, layers: Some(found.iter().map(item).collect()) })
}

pub(crate) async fn list_layer_versions(
    _: &Lambda,
    ctx: &Ctx,
    input: ListLayerVersionsRequest,
) -> Result<ListLayerVersionsResponse, Error> {
    let layer = LayerName::whole(ctx, &input.layer_name);
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(layer.layer_key()).reverse();
    if let Some(last) = page::open(input.marker)?.and_then(|last| last.parse::<u64>().ok()) {
        scan = scan.after((layer.layer_key(), last));
    }
    let (runtime, architecture) = (&input.compatible_runtime, &input.compatible_architecture);
    let rows = ctx.store().read(|tx| tx.scan(&LAYER_VERSIONS, scan))?;
    let mut found: Vec<(LayerName, LayerVersion)> = rows
        .into_iter()
        .filter(|(_, version)| version.fits(runtime.as_ref(), architecture.as_ref()))
        .map(|(key, version)| (LayerName { number: number(&key), ..layer.clone() }, version))
        .take(limit + 1)
        .collect();
    let next_marker = page::cut(&mut found, limit, |(name, _)| name.number.to_string());
    let layer_versions = Some(found.iter().map(|(name, version)| version.item(name)).collect());
    Ok(ListLayerVersionsResponse { next_marker, layer_versions })
}

/// The number of the version at a key.
fn number(key: &store::Key) -> u64 {
    match key.parts().and_then(|mut parts| parts.pop()) {
        Some(Part::U64(number)) => number,
        _ => 0,
    }
}
