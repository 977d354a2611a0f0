//! Managed and inline policies, boundaries.

use api_iam::*;

use crate::{ALLOW, Cloud, READ_ONLY, refusal};

#[tokio::test]
async fn versions_of_a_policy() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    let arn = cloud.policy("read").await;
    assert_eq!(arn, "arn:aws:iam::111122223333:policy/read");
    let add = |default| CreatePolicyVersionRequest {
        policy_arn: arn.clone(),
        policy_document: ALLOW.into(),
        set_as_default: Some(default),
    };
    for expected in ["v2", "v3", "v4", "v5"] {
        let made = iam.create_policy_version(add(expected == "v3")).await.unwrap();
        assert_eq!(made.policy_version.unwrap().version_id.as_deref(), Some(expected));
    }
    assert!(refusal(iam.create_policy_version(add(false)).await).starts_with("LimitExceeded: A "));
    let delete =
        |id: &str| DeletePolicyVersionRequest { policy_arn: arn.clone(), version_id: id.into() };
    assert_eq!(
        refusal(iam.delete_policy_version(delete("v3")).await),
        "DeleteConflict: Cannot delete the default version of a policy."
    );
    iam.delete_policy_version(delete("v1")).await.unwrap();
    let whole = DeletePolicyRequest { policy_arn: arn.clone() };
    assert!(refusal(iam.delete_policy(whole).await).starts_with("DeleteConflict: This policy has"));
    let list = ListPolicyVersionsRequest { policy_arn: arn.clone(), ..Default::default() };
    let versions = iam.list_policy_versions(list).await.unwrap().versions.unwrap();
    let ids: Vec<_> = versions.iter().map(|v| v.version_id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["v5", "v4", "v3", "v2"]);
}

#[tokio::test]
async fn attachments_are_counted() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    let arn = cloud.policy("read").await;
    cloud.role("desk").await;
    cloud.user("ann").await;
    let attach = AttachRolePolicyRequest { role_name: "desk".into(), policy_arn: arn.clone() };
    iam.attach_role_policy(attach).await.unwrap();
    let bound = PutUserPermissionsBoundaryRequest {
        user_name: "ann".into(),
        permissions_boundary: arn.clone(),
    };
    iam.put_user_permissions_boundary(bound).await.unwrap();
    let get = || GetPolicyRequest { policy_arn: arn.clone() };
    let policy = iam.get_policy(get()).await.unwrap().policy.unwrap();
    let counts = (policy.attachment_count, policy.permissions_boundary_usage_count);
    assert_eq!(counts, (Some(1), Some(1)));
    let delete = || DeletePolicyRequest { policy_arn: arn.clone() };
    assert_eq!(
        refusal(iam.delete_policy(delete()).await),
        "DeleteConflict: Cannot delete a policy attached to entities."
    );
    let detach = DetachRolePolicyRequest { role_name: "desk".into(), policy_arn: arn.clone() };
    iam.detach_role_policy(detach).await.unwrap();
    iam.delete_user(DeleteUserRequest { user_name: "ann".into() }).await.unwrap();
    iam.delete_policy(delete()).await.unwrap();
    assert_eq!(
        refusal(iam.get_policy(get()).await),
        format!("NoSuchEntity: Policy {arn} was not found.")
    );
}

#[tokio::test]
async fn policies_of_aws_are_there_and_stay() {
    let cloud = Cloud::new();
    let get = GetPolicyRequest { policy_arn: READ_ONLY.into() };
    let policy = cloud.iam.get_policy(get).await.unwrap().policy.unwrap();
    let version = GetPolicyVersionRequest {
        policy_arn: READ_ONLY.into(),
        version_id: policy.default_version_id.unwrap(),
    };
    let version = cloud.iam.get_policy_version(version).await.unwrap().policy_version.unwrap();
    assert!(version.document.unwrap().starts_with("%7B%22"));
    let delete = DeletePolicyRequest { policy_arn: READ_ONLY.into() };
    assert!(refusal(cloud.iam.delete_policy(delete).await).starts_with("AccessDenied: "));
    let unknown = AttachUserPolicyRequest {
        user_name: cloud.user("ann").await.user_name,
        policy_arn: "arn:aws:iam::aws:policy/None".into(),
    };
    assert_eq!(
        refusal(cloud.iam.attach_user_policy(unknown).await),
        "NoSuchEntity: Policy arn:aws:iam::aws:policy/None does not exist or is not attachable."
    );
}

#[tokio::test]
async fn inline_policies_have_a_limit_together() {
    let cloud = Cloud::new();
    cloud.user("ann").await;
    let resources: String = (0..9).map(|i| format!(r#","arn:aws:s3:::{i:0>90}""#)).collect();
    let long = ALLOW.replace(r#""Resource":"*""#, &format!(r#""Resource":["*"{resources}]"#));
    let put = |name: &str| PutUserPolicyRequest {
        user_name: "ann".into(),
        policy_name: name.into(),
        policy_document: long.clone(),
    };
    cloud.iam.put_user_policy(put("a")).await.unwrap();
    assert_eq!(
        refusal(cloud.iam.put_user_policy(put("b")).await),
        "LimitExceeded: Maximum policy size of 2048 bytes exceeded for user ann"
    );
    // The same policy again replaces itself.
    cloud.iam.put_user_policy(put("a")).await.unwrap();
}
