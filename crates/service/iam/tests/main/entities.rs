//! Users, groups, roles, keys, instance profiles.

use api_iam::*;

use crate::{Cloud, READ_ONLY, refusal};

#[tokio::test]
async fn names_differ_by_more_than_case() {
    let cloud = Cloud::new();
    let ann = cloud.user("Ann").await;
    assert!(ann.user_id.starts_with("AIDA") && ann.user_id.len() == 21, "{}", ann.user_id);
    assert_eq!(ann.arn, "arn:aws:iam::111122223333:user/Ann");
    let again = CreateUserRequest { user_name: "ANN".into(), ..Default::default() };
    assert_eq!(
        refusal(cloud.iam.create_user(again).await),
        "EntityAlreadyExists: User with name ANN already exists."
    );
    let get = GetUserRequest { user_name: Some("ann".into()) };
    assert_eq!(cloud.iam.get_user(get).await.unwrap().user.user_name, "Ann");
    let none = GetUserRequest { user_name: Some("bob".into()) };
    assert_eq!(
        refusal(cloud.iam.get_user(none).await),
        "NoSuchEntity: The user with name bob cannot be found."
    );
}

#[tokio::test]
async fn a_renamed_user_keeps_everything() {
    let cloud = Cloud::new();
    cloud.user("ann").await;
    let iam = &cloud.iam;
    let key = CreateAccessKeyRequest { user_name: Some("ann".into()) };
    let key = iam.create_access_key(key).await.unwrap().access_key;
    assert!(key.access_key_id.starts_with("AKIA") && key.secret_access_key.len() == 40);
    let group = CreateGroupRequest { group_name: "desk".into(), path: None };
    iam.create_group(group).await.unwrap();
    let member = AddUserToGroupRequest { group_name: "desk".into(), user_name: "ann".into() };
    iam.add_user_to_group(member).await.unwrap();
    let attach = AttachUserPolicyRequest { user_name: "ann".into(), policy_arn: READ_ONLY.into() };
    iam.attach_user_policy(attach).await.unwrap();
    let rename = UpdateUserRequest {
        user_name: "ann".into(),
        new_user_name: Some("beth".into()),
        new_path: Some("/x/".into()),
    };
    iam.update_user(rename).await.unwrap();
    let members = GetGroupRequest { group_name: "desk".into(), ..Default::default() };
    let members = iam.get_group(members).await.unwrap().users;
    assert_eq!(members[0].arn, "arn:aws:iam::111122223333:user/x/beth");
    let keys = ListAccessKeysRequest { user_name: Some("beth".into()), ..Default::default() };
    let keys = iam.list_access_keys(keys).await.unwrap().access_key_metadata;
    assert_eq!(keys[0].access_key_id.as_deref(), Some(key.access_key_id.as_str()));
    let users = ListEntitiesForPolicyRequest { policy_arn: READ_ONLY.into(), ..Default::default() };
    let users = iam.list_entities_for_policy(users).await.unwrap().policy_users.unwrap();
    assert_eq!(users[0].user_name.as_deref(), Some("beth"));
}

#[tokio::test]
async fn a_user_goes_last() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    cloud.user("ann").await;
    let key = CreateAccessKeyRequest { user_name: Some("ann".into()) };
    let key = iam.create_access_key(key).await.unwrap().access_key.access_key_id;
    let attach = AttachUserPolicyRequest { user_name: "ann".into(), policy_arn: READ_ONLY.into() };
    iam.attach_user_policy(attach).await.unwrap();
    let delete = || iam.delete_user(DeleteUserRequest { user_name: "ann".into() });
    assert_eq!(
        refusal(delete().await),
        "DeleteConflict: Cannot delete entity, must delete access keys first."
    );
    let gone = DeleteAccessKeyRequest { user_name: Some("ann".into()), access_key_id: key };
    iam.delete_access_key(gone).await.unwrap();
    assert_eq!(
        refusal(delete().await),
        "DeleteConflict: Cannot delete entity, must detach all policies first."
    );
    let detach = DetachUserPolicyRequest { user_name: "ann".into(), policy_arn: READ_ONLY.into() };
    iam.detach_user_policy(detach).await.unwrap();
    delete().await.unwrap();
    assert!(refusal(delete().await).starts_with("NoSuchEntity"));
}

#[tokio::test]
async fn two_keys_are_the_most() {
    let cloud = Cloud::new();
    cloud.user("ann").await;
    let create = || CreateAccessKeyRequest { user_name: Some("ann".into()) };
    cloud.iam.create_access_key(create()).await.unwrap();
    cloud.iam.create_access_key(create()).await.unwrap();
    assert_eq!(
        refusal(cloud.iam.create_access_key(create()).await),
        "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2"
    );
}

#[tokio::test]
async fn an_instance_profile_holds_one_role() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    cloud.role("desk").await;
    let create =
        CreateInstanceProfileRequest { instance_profile_name: "p".into(), ..Default::default() };
    iam.create_instance_profile(create).await.unwrap();
    let add = || AddRoleToInstanceProfileRequest {
        instance_profile_name: "p".into(),
        role_name: "desk".into(),
    };
    iam.add_role_to_instance_profile(add()).await.unwrap();
    assert_eq!(
        refusal(iam.add_role_to_instance_profile(add()).await),
        "LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    );
    assert_eq!(
        refusal(iam.delete_role(DeleteRoleRequest { role_name: "desk".into() }).await),
        "DeleteConflict: Cannot delete entity, must remove roles from instance profile first."
    );
    let get = GetInstanceProfileRequest { instance_profile_name: "p".into() };
    let profile = iam.get_instance_profile(get).await.unwrap().instance_profile;
    assert_eq!(profile.roles[0].role_name, "desk");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let cloud = Cloud::new();
    for name in ["c", "a", "b"] {
        cloud.user(name).await;
    }
    let mut marker = None;
    let mut names = Vec::new();
    loop {
        let input = ListUsersRequest { max_items: Some(2), marker, ..Default::default() };
        let page = cloud.iam.list_users(input).await.unwrap();
        names.extend(page.users.into_iter().map(|user| user.user_name));
        assert_eq!(page.is_truncated, Some(page.marker.is_some()));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
}
