//! Topics themselves.

use std::collections::BTreeMap;

use api_sns::{
    AddPermissionInput, AddPermissionOutput, CreateTopicInput, CreateTopicResponse,
    DeleteTopicInput, DeleteTopicOutput, Error, GetTopicAttributesInput,
    GetTopicAttributesResponse, ListTagsForResourceRequest, ListTagsForResourceResponse,
    ListTopicsInput, ListTopicsResponse, RemovePermissionInput, RemovePermissionOutput,
    SetTopicAttributesInput, SetTopicAttributesOutput, Tag, TagResourceRequest,
    TagResourceResponse, UntagResourceRequest, UntagResourceResponse,
};
use kernel::{Ctx, Fault};
use serde_json::{Value as Json, json};
use store::{Key, Part, Scan};

use super::{page, shared_topic_at, topic_at};
use crate::Sns;
use crate::attributes::{default_delivery, default_policy, set_topic};
use crate::error::{invalid, not_found};
use crate::name::{TopicName, is_name};
use crate::record::{SEQUENCES, SUBSCRIPTIONS, TOPICS, Topic, require, subscriptions};

/// Most tags of a topic.
const TAGS_MAX: usize = 50;

pub(crate) async fn create_topic(
    _: &Sns,
    ctx: &Ctx,
    input: CreateTopicInput,
) -> Result<CreateTopicResponse, Error> {
    if input.data_protection_policy.is_some() {
        return Err(Fault::not_implemented("data protection policies of topics").into());
    }
    let given = input.attributes.unwrap_or_default();
    let name = TopicName::own(ctx, &input.name);
    let fifo = given.get("FifoTopic").is_some_and(|text| text == "true");
    if !is_name(&input.name) || fifo != name.is_fifo() {
        return Err(invalid("Topic Name").into());
    }
    let mut attributes = BTreeMap::new();
    for (attribute, text) in &given {
        set_topic(&name, &mut attributes, attribute, text)?;
    }
    if fifo {
        attributes.entry("ContentBasedDeduplication".into()).or_insert("false".into());
    }
    let mut tags = BTreeMap::new();
    add_tags(&mut tags, input.tags.unwrap_or_default())?;
    let topic = Topic { id: ctx.random().u64(), attributes, tags, deleted: 0 };
    ctx.store()
        .write(|tx| {
            let Some(there) = tx.get(&TOPICS, name.key())? else {
                return Ok(tx.put(&TOPICS, name.key(), &topic)?);
            };
            let same =
                topic.attributes.iter().all(|(n, text)| there.attributes.get(n) == Some(text));
            match same {
                true if topic.tags.is_empty() || topic.tags == there.tags => Ok::<_, Error>(()),
                true => {
                    Err(invalid("Tags Reason: Topic already exists with different tags").into())
                }
                false => Err(invalid(
                    "Attributes Reason: Topic already exists with different attributes",
                )
                .into()),
            }
        })
        .await?;
    Ok(CreateTopicResponse { topic_arn: Some(name.arn()) })
}

pub(crate) async fn delete_topic(
    _: &Sns,
    ctx: &Ctx,
    input: DeleteTopicInput,
) -> Result<DeleteTopicOutput, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "DeleteTopic")?;
    ctx.store()
        .write(|tx| {
            for subscription in subscriptions(tx, &name)? {
                tx.delete(&SUBSCRIPTIONS, name.key().text(&subscription.id))?;
            }
            if let Some(topic) = tx.get(&TOPICS, name.key())? {
                tx.delete(&SEQUENCES, topic.id)?;
            }
            Ok::<_, Error>(tx.delete(&TOPICS, name.key())?)
        })
        .await?;
    Ok(DeleteTopicOutput {})
}

pub(crate) async fn get_topic_attributes(
    _: &Sns,
    ctx: &Ctx,
    input: GetTopicAttributesInput,
) -> Result<GetTopicAttributesResponse, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "GetTopicAttributes")?;
    let (topic, subscriptions) =
        ctx.store().read(|tx| Ok::<_, Error>((require(tx, &name)?, subscriptions(tx, &name)?)))?;
    let confirmed = subscriptions.iter().filter(|s| s.token.is_none()).count();
    let pending = subscriptions.len() - confirmed;
    let mut attributes = BTreeMap::from([
        ("TopicArn".to_owned(), name.arn()),
        ("Owner".to_owned(), name.account.clone()),
        ("DisplayName".to_owned(), String::new()),
        ("Policy".to_owned(), default_policy(&name)),
        ("SubscriptionsConfirmed".to_owned(), confirmed.to_string()),
        ("SubscriptionsPending".to_owned(), pending.to_string()),
        ("SubscriptionsDeleted".to_owned(), topic.deleted.to_string()),
    ]);
    let own = topic.attributes.get("DeliveryPolicy").cloned();
    let effective = own.unwrap_or_else(|| default_delivery().to_string());
    attributes.insert("EffectiveDeliveryPolicy".into(), effective);
    attributes.extend(topic.attributes);
    Ok(GetTopicAttributesResponse { attributes: Some(attributes) })
}

pub(crate) async fn set_topic_attributes(
    _: &Sns,
    ctx: &Ctx,
    input: SetTopicAttributesInput,
) -> Result<SetTopicAttributesOutput, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "SetTopicAttributes")?;
    let text = input.attribute_value.unwrap_or_default();
    change(ctx, &name, |topic| {
        set_topic(&name, &mut topic.attributes, &input.attribute_name, &text)
    })
    .await?;
    Ok(SetTopicAttributesOutput {})
}

async fn change(
    ctx: &Ctx,
    name: &TopicName,
    change: impl Fn(&mut Topic) -> Result<(), Fault> + Send + Sync,
) -> Result<(), Error> {
    ctx.store()
        .write(|tx| {
            let mut topic = require(tx, name)?;
            change(&mut topic)?;
            Ok(tx.put(&TOPICS, name.key(), &topic)?)
        })
        .await
}

pub(crate) async fn list_topics(
    _: &Sns,
    ctx: &Ctx,
    input: ListTopicsInput,
) -> Result<ListTopicsResponse, Error> {
    let found = ctx
        .store()
        .read(|tx| tx.scan(&TOPICS, Scan::prefix(Key::of((ctx.account(), ctx.region())))))?;
    let arns = found.into_iter().filter_map(|(key, _)| match key.parts()?.pop()? {
        Part::Text(name) => Some(TopicName::own(ctx, &name).arn()),
        _ => None,
    });
    let (page, next_token) = page(arns.collect(), input.next_token.as_deref())?;
    let topics = page.into_iter().map(|arn| api_sns::Topic { topic_arn: Some(arn) });
    Ok(ListTopicsResponse { topics: Some(topics.collect()), next_token })
}

pub(crate) async fn add_permission(
    _: &Sns,
    ctx: &Ctx,
    input: AddPermissionInput,
) -> Result<AddPermissionOutput, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "AddPermission")?;
    let known = [
        "Publish",
        "RemovePermission",
        "SetTopicAttributes",
        "DeleteTopic",
        "ListSubscriptionsByTopic",
        "GetTopicAttributes",
        "Receive",
        "AddPermission",
        "Subscribe",
    ];
    if input.action_name.iter().any(|action| !known.contains(&action.as_str())) {
        return Err(invalid("Policy statement action out of service scope!").into());
    }
    let principals: Vec<String> =
        input.aws_account_id.iter().map(|id| format!("arn:aws:iam::{id}:root")).collect();
    let actions: Vec<String> = input.action_name.iter().map(|a| format!("SNS:{a}")).collect();
    let statement = json!({
        "Sid": input.label,
        "Effect": "Allow",
        "Principal": {"AWS": one_or_all(principals)},
        "Action": one_or_all(actions),
        "Resource": name.arn(),
    });
    with_statements(ctx, &name, |statements| {
        if statements.iter().any(|other| other["Sid"] == *input.label) {
            return Err(invalid("Statement already exists"));
        }
        statements.push(statement.clone());
        Ok(())
    })
    .await?;
    Ok(AddPermissionOutput {})
}

pub(crate) async fn remove_permission(
    _: &Sns,
    ctx: &Ctx,
    input: RemovePermissionInput,
) -> Result<RemovePermissionOutput, Error> {
    let name = shared_topic_at(ctx, &input.topic_arn, "RemovePermission")?;
    with_statements(ctx, &name, |statements| {
        statements.retain(|statement| statement["Sid"] != *input.label);
        Ok(())
    })
    .await?;
    Ok(RemovePermissionOutput {})
}

async fn with_statements(
    ctx: &Ctx,
    name: &TopicName,
    edit: impl Fn(&mut Vec<Json>) -> Result<(), Fault> + Send + Sync,
) -> Result<(), Error> {
    change(ctx, name, |topic| {
        let text = topic.attributes.get("Policy").cloned().unwrap_or_else(|| default_policy(name));
        let mut policy: Json = serde_json::from_str(&text).map_err(Fault::internal)?;
        if policy["Statement"].is_object() {
            policy["Statement"] = json!([policy["Statement"].take()]);
        }
        let statements = policy["Statement"].as_array_mut();
        edit(statements.ok_or_else(|| Fault::internal("a policy without statements"))?)?;
        topic.attributes.insert("Policy".into(), policy.to_string());
        Ok(())
    })
    .await
}

fn one_or_all(mut texts: Vec<String>) -> Json {
    match texts.len() {
        1 => Json::String(texts.remove(0)),
        _ => json!(texts),
    }
}

fn add_tags(tags: &mut BTreeMap<String, String>, new: Vec<Tag>) -> Result<(), Fault> {
    let mut seen = std::collections::HashSet::new();
    if !new.iter().all(|tag| seen.insert(tag.key.clone())) {
        return Err(invalid("Duplicated keys are not allowed."));
    }
    tags.extend(new.into_iter().map(|tag| (tag.key, tag.value)));
    if tags.len() > TAGS_MAX {
        let text = "Could not complete request: tag quota of per resource exceeded";
        return Err(Fault::sender("TagLimitExceeded", text));
    }
    Ok(())
}

fn tagged(ctx: &Ctx, arn: &str) -> Result<TopicName, Fault> {
    let unknown = || Fault::new("ResourceNotFound", 404, "Resource does not exist");
    let name = topic_at(ctx, arn)?;
    let there = ctx.store().read(|tx| tx.contains(&TOPICS, name.key()));
    if there.map_err(kernel::store_fault)? { Ok(name) } else { Err(unknown()) }
}

pub(crate) async fn tag_resource(
    _: &Sns,
    ctx: &Ctx,
    input: TagResourceRequest,
) -> Result<TagResourceResponse, Error> {
    let name = tagged(ctx, &input.resource_arn)?;
    change(ctx, &name, |topic| add_tags(&mut topic.tags, input.tags.clone())).await?;
    Ok(TagResourceResponse {})
}

pub(crate) async fn untag_resource(
    _: &Sns,
    ctx: &Ctx,
    input: UntagResourceRequest,
) -> Result<UntagResourceResponse, Error> {
    let name = tagged(ctx, &input.resource_arn)?;
    change(ctx, &name, |topic| {
        topic.tags.retain(|key, _| !input.tag_keys.contains(key));
        Ok(())
    })
    .await?;
    Ok(UntagResourceResponse {})
}

pub(crate) async fn list_tags_for_resource(
    _: &Sns,
    ctx: &Ctx,
    input: ListTagsForResourceRequest,
) -> Result<ListTagsForResourceResponse, Error> {
    let name = tagged(ctx, &input.resource_arn)?;
    let topic = ctx.store().read(|tx| tx.get(&TOPICS, name.key()))?;
    let topic = topic.ok_or_else(|| not_found("Resource does not exist"))?;
    let tags = topic.tags.into_iter().map(|(key, value)| Tag { key, value });
    Ok(ListTagsForResourceResponse { tags: Some(tags.collect()) })
}
