//! The policy simulator.

use api_iam::*;

use crate::{ACCOUNT, Cloud, READ_ONLY, refusal};

/// The policy of the AWS CLI's example.
const AFTER: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;

fn entry(key: &str, values: &[&str], kind: &str) -> ContextEntry {
    ContextEntry {
        context_key_name: Some(key.into()),
        context_key_values: Some(values.iter().map(|value| (*value).into()).collect()),
        context_key_type: Some(kind.into()),
    }
}

fn allow(action: &str, resource: &str) -> String {
    statement("Allow", action, resource)
}

fn statement(effect: &str, action: &str, resource: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#
    )
}

/// `decision: policy line:column-line:column, … (missing keys)` of each result.
fn shown(response: SimulatePolicyResponse) -> Vec<String> {
    let results = response.evaluation_results.unwrap().into_iter();
    results
        .map(|result| {
            let at = |p: &Option<Position>| {
                let p = p.as_ref().unwrap();
                format!("{}:{}", p.line.unwrap(), p.column.unwrap())
            };
            let statements: Vec<String> = result
                .matched_statements
                .unwrap()
                .iter()
                .map(|s| {
                    let (from, to) = (at(&s.start_position), at(&s.end_position));
                    format!("{} {from}-{to}", s.source_policy_id.as_deref().unwrap())
                })
                .collect();
            let missing = result.missing_context_values.unwrap().join(" ");
            format!("{}: {} ({missing})", result.eval_decision, statements.join(", "))
        })
        .collect()
}

/// Both examples of the AWS CLI's help for `simulate-custom-policy`.
#[tokio::test]
async fn examples_of_the_cli() {
    let cloud = Cloud::new();
    for (date, expected) in [
        ("2019-04-25T11:00:00Z", "allowed: PolicyInputList.1 1:38-1:167 ()"),
        ("2014-04-25T11:00:00Z", "implicitDeny:  ()"),
    ] {
        let input = SimulateCustomPolicyRequest {
            policy_input_list: vec![AFTER.into()],
            action_names: vec!["dynamodb:CreateBackup".into()],
            context_entries: Some(vec![entry("aws:CurrentTime", &[date], "date")]),
            ..Default::default()
        };
        let response = cloud.iam.simulate_custom_policy(input).await.unwrap();
        let result = &response.evaluation_results.as_ref().unwrap()[0];
        assert_eq!(result.eval_resource_name.as_deref(), Some("*"));
        assert!(result.resource_specific_results.is_none());
        assert!(result.eval_decision_details.is_none());
        assert_eq!(shown(response), [expected]);
    }
}

#[tokio::test]
async fn custom_policies() {
    let cloud = Cloud::new();
    let input = || SimulateCustomPolicyRequest {
        policy_input_list: vec![
            allow("s3:*", "arn:aws:s3:::b/*"),
            statement("Deny", "s3:Delete*", "arn:aws:s3:::b/${aws:username}"),
        ],
        action_names: vec!["s3:GetObject".into(), "s3:DeleteObject".into()],
        resource_arns: Some(vec!["arn:aws:s3:::b/ann".into(), "arn:aws:s3:::c/x".into()]),
        caller_arn: Some(format!("arn:aws:iam::{ACCOUNT}:user/ann")),
        ..Default::default()
    };
    let response = cloud.iam.simulate_custom_policy(input()).await.unwrap();
    let results = response.evaluation_results.as_ref().unwrap();
    let one = &results[0].resource_specific_results.as_ref().unwrap()[0];
    assert_eq!(one.eval_resource_name, "arn:aws:s3:::b/ann");
    assert_eq!(one.eval_resource_decision.as_str(), "allowed");
    assert_eq!(results[0].eval_decision_details.as_ref().map(|d| d.len()), Some(0));
    let kind = results[0].matched_statements.as_ref().unwrap()[0].source_policy_type.clone();
    assert_eq!(kind.unwrap().as_str(), "IAM Policy");
    assert_eq!(
        shown(response),
        [
            "allowed: PolicyInputList.1 1:38-1:102 ()",
            "implicitDeny:  ()",
            "explicitDeny: PolicyInputList.2 1:38-1:121 ()",
            "implicitDeny:  ()",
        ]
    );
    // Without a caller, nobody knows the name.
    let nobody = SimulateCustomPolicyRequest { caller_arn: None, ..input() };
    let response = cloud.iam.simulate_custom_policy(nobody).await.unwrap();
    assert_eq!(shown(response)[0], "allowed: PolicyInputList.1 1:38-1:102 (aws:username)");
    // Pages.
    let mut paged = SimulateCustomPolicyRequest { max_items: Some(3), ..input() };
    let first = cloud.iam.simulate_custom_policy(paged.clone()).await.unwrap();
    assert_eq!((first.is_truncated, first.evaluation_results.unwrap().len()), (Some(true), 3));
    paged.marker = first.marker;
    let rest = cloud.iam.simulate_custom_policy(paged).await.unwrap();
    assert_eq!((rest.is_truncated, rest.evaluation_results.unwrap().len()), (Some(false), 1));
}

#[tokio::test]
async fn boundaries_organisations_and_resource_policies() {
    let cloud = Cloud::new();
    let base = || SimulateCustomPolicyRequest {
        policy_input_list: vec![allow("sqs:*", "*")],
        action_names: vec!["sqs:SendMessage".into()],
        resource_arns: Some(vec!["arn:aws:sqs:eu-west-1:999999999999:jobs".into()]),
        caller_arn: Some(format!("arn:aws:iam::{ACCOUNT}:user/ann")),
        ..Default::default()
    };
    let ask = async |input| {
        let response = cloud.iam.simulate_custom_policy(input).await.unwrap();
        response.evaluation_results.unwrap().remove(0)
    };
    let bounded = SimulateCustomPolicyRequest {
        permissions_boundary_policy_input_list: Some(vec![allow("s3:*", "*")]),
        resource_arns: None,
        ..base()
    };
    let result = ask(bounded).await;
    assert_eq!(result.eval_decision.as_str(), "implicitDeny");
    let detail = result.permissions_boundary_decision_detail.unwrap();
    assert_eq!(detail.allowed_by_permissions_boundary, Some(false));
    let level = |text: String| OrderedOrganizationPolicyType {
        service_control_policy_input_list: Some(vec![text]),
    };
    let governed = SimulateCustomPolicyRequest {
        ordered_organization_policy_input_list: Some(vec![
            level(allow("*", "*")),
            level(allow("s3:*", "*")),
        ]),
        resource_arns: None,
        ..base()
    };
    let result = ask(governed).await;
    let detail = result.organizations_decision_detail.unwrap();
    assert_eq!(detail.allowed_by_organizations, Some(false));
    // Across accounts the resource must agree.
    let result = ask(base()).await;
    let details = result.eval_decision_details.unwrap();
    let said = |kind: &str| details[kind].as_str().to_owned();
    assert_eq!(
        (said("IAM Policy").as_str(), said("Resource Policy").as_str()),
        ("allowed", "implicitDeny")
    );
    let policy = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sqs:*","Resource":"*"}}"#;
    let agreed = SimulateCustomPolicyRequest { resource_policy: Some(policy.into()), ..base() };
    assert_eq!(ask(agreed).await.eval_decision.as_str(), "allowed");
}

#[tokio::test]
async fn policies_of_principals() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    let user = cloud.user("ann").await.arn;
    iam.create_group(CreateGroupRequest { group_name: "desk".into(), path: None }).await.unwrap();
    let join = AddUserToGroupRequest { group_name: "desk".into(), user_name: "ann".into() };
    iam.add_user_to_group(join).await.unwrap();
    let inline = PutGroupPolicyRequest {
        group_name: "desk".into(),
        policy_name: "own".into(),
        policy_document: allow("s3:*", "arn:aws:s3:::home/${aws:username}/*"),
    };
    iam.put_group_policy(inline).await.unwrap();
    let attach = AttachUserPolicyRequest { user_name: "ann".into(), policy_arn: READ_ONLY.into() };
    iam.attach_user_policy(attach).await.unwrap();
    let role = cloud.role("job").await.arn;
    let input = |source: &str, action: &str| SimulatePrincipalPolicyRequest {
        policy_source_arn: source.into(),
        action_names: vec![action.into()],
        resource_arns: Some(vec!["arn:aws:s3:::home/ann/x".into()]),
        ..Default::default()
    };
    let ask = async |input| shown(iam.simulate_principal_policy(input).await.unwrap()).remove(0);
    assert!(ask(input(&user, "s3:PutObject")).await.starts_with("allowed: group_desk_own 1:38-"));
    let group = format!("arn:aws:iam::{ACCOUNT}:group/desk");
    assert_eq!(ask(input(&group, "s3:PutObject")).await, "implicitDeny:  (aws:username)");
    assert!(ask(input(&user, "s3:GetObject")).await.contains("ReadOnlyAccess "));
    assert_eq!(ask(input(&role, "s3:GetObject")).await, "implicitDeny:  ()");
    let more = SimulatePrincipalPolicyRequest {
        policy_input_list: Some(vec![allow("s3:GetObject", "*")]),
        ..input(&role, "s3:GetObject")
    };
    assert!(ask(more).await.starts_with("allowed: PolicyInputList.1 "));
    let without = |identifier| SimulatePrincipalPolicyRequest {
        policy_exclusion_list: Some(vec![identifier]),
        ..input(&user, "s3:PutObject")
    };
    for (identifier, is_allowed) in [
        (PolicyIdentifier::PolicyType("inline".into()), false),
        (PolicyIdentifier::PolicyType("aws-managed".into()), true),
        (PolicyIdentifier::PolicyArn("arn:aws:iam::aws:policy/Read*".into()), true),
        (
            PolicyIdentifier::InlinePolicyIdentifier(InlinePolicyIdentifierType {
                policy_name: "own".into(),
                attachment_type: "group".into(),
                attachment_name: "d*".into(),
            }),
            false,
        ),
    ] {
        assert_eq!(ask(without(identifier)).await.starts_with("allowed"), is_allowed);
    }
    let keys = GetContextKeysForPrincipalPolicyRequest {
        policy_source_arn: user,
        policy_input_list: Some(vec![AFTER.into()]),
    };
    let keys = iam.get_context_keys_for_principal_policy(keys).await.unwrap();
    let expected = ["aws:CurrentTime", "aws:username", "s3express:SessionMode"];
    assert_eq!(keys.context_key_names.unwrap(), expected);
    let keys = GetContextKeysForCustomPolicyRequest { policy_input_list: vec![AFTER.into()] };
    let keys = iam.get_context_keys_for_custom_policy(keys).await.unwrap();
    assert_eq!(keys.context_key_names.unwrap(), ["aws:CurrentTime"]);
}

#[tokio::test]
async fn what_cannot_be_simulated() {
    let cloud = Cloud::new();
    let principal = |arn: &str| SimulatePrincipalPolicyRequest {
        policy_source_arn: arn.into(),
        action_names: vec!["s3:GetObject".into()],
        ..Default::default()
    };
    for (arn, expected) in [
        (
            "arn:aws:sts::111122223333:assumed-role/x/y",
            "InvalidInput: Invalid Entity Arn: arn:aws:sts::111122223333:assumed-role/x/y does not \
             clearly define entity type and name.",
        ),
        (
            "arn:aws:iam::999999999999:role/x",
            "InvalidInput: Invalid Policy Source Arn: caller's account 111122223333 does not have \
             access to policies in account 999999999999",
        ),
        ("arn:aws:iam::111122223333:role/x", "NoSuchEntity: The role with name x cannot be found."),
        (
            "arn:aws:iam::111122223333:group/x",
            "NoSuchEntity: The group with name x cannot be found.",
        ),
    ] {
        let refused = cloud.iam.simulate_principal_policy(principal(arn)).await;
        assert_eq!(refusal(refused), expected);
    }
    let custom = |policy: &str, action: &str| SimulateCustomPolicyRequest {
        policy_input_list: vec![policy.into()],
        action_names: vec![action.into()],
        ..Default::default()
    };
    for (policy, action) in
        [("{}", "s3:GetObject"), (AFTER, "s3:*"), (AFTER, "nothing"), (AFTER, "a:b:c")]
    {
        let refused = refusal(cloud.iam.simulate_custom_policy(custom(policy, action)).await);
        assert!(refused.starts_with("InvalidInput: "), "{refused}");
    }
}
