//! Passwords, MFA, reports, certificates, service-linked roles, trust.

use api_iam::*;
use kernel::{Principal, User};

use crate::{ACCOUNT, Cloud, READ_ONLY, refusal};

/// A caller who is a user.
async fn as_user(cloud: &Cloud, name: &str) -> Client {
    let user = cloud.user(name).await;
    let principal = User {
        account: ACCOUNT.into(),
        path: user.path,
        name: user.user_name,
        id: user.user_id,
        session: None,
    };
    Cloud::as_principal(&cloud.kernel, Principal::User(principal.into()))
}

#[tokio::test]
async fn a_user_changes_the_password() {
    let cloud = Cloud::new();
    let own = as_user(&cloud, "ann").await;
    let create = |password: &str| CreateLoginProfileRequest {
        user_name: Some("ann".into()),
        password: Some(password.into()),
        password_reset_required: Some(true),
    };
    assert!(
        refusal(cloud.iam.create_login_profile(create("short")).await)
            .starts_with("PasswordPolicyViolation: ")
    );
    cloud.iam.create_login_profile(create("Long-enough-1")).await.unwrap();
    assert_eq!(
        refusal(cloud.iam.create_login_profile(create("Long-enough-1")).await),
        "EntityAlreadyExists: Login Profile for user ann already exists."
    );
    let change = |old: &str, new: &str| {
        own.change_password(ChangePasswordRequest {
            old_password: old.into(),
            new_password: new.into(),
        })
    };
    assert!(refusal(change("wrong", "Other-enough-2").await).starts_with("AccessDenied: "));
    change("Long-enough-1", "Other-enough-2").await.unwrap();
    let reuse = UpdateAccountPasswordPolicyRequest {
        password_reuse_prevention: Some(3),
        ..Default::default()
    };
    cloud.iam.update_account_password_policy(reuse).await.unwrap();
    assert!(
        refusal(change("Other-enough-2", "Long-enough-1").await)
            .starts_with("PasswordPolicyViolation: ")
    );
    let get = GetLoginProfileRequest { user_name: Some("ann".into()) };
    let profile = cloud.iam.get_login_profile(get).await.unwrap().login_profile;
    assert_eq!(profile.password_reset_required, Some(false));
    // Root is no user.
    let root = ChangePasswordRequest { old_password: "a".into(), new_password: "b".into() };
    assert!(refusal(cloud.iam.change_password(root).await).starts_with("InvalidUserType: "));
}

#[tokio::test]
async fn a_device_takes_real_codes_only() {
    let cloud = Cloud::new();
    cloud.user("ann").await;
    let create = CreateVirtualMFADeviceRequest {
        virtual_mfa_device_name: "ann".into(),
        ..Default::default()
    };
    let device = cloud.iam.create_virtual_mfa_device(create).await.unwrap().virtual_mfa_device;
    assert_eq!(device.serial_number, "arn:aws:iam::111122223333:mfa/ann");
    let enable = EnableMFADeviceRequest {
        user_name: "ann".into(),
        serial_number: device.serial_number.clone(),
        authentication_code1: "123456".into(),
        authentication_code2: "123456".into(),
    };
    assert_eq!(
        refusal(cloud.iam.enable_mfa_device(enable).await),
        "InvalidAuthenticationCode: Authentication code for device is not valid"
    );
    let list = ListVirtualMFADevicesRequest {
        assignment_status: Some(AssignmentStatusType::Unassigned),
        ..Default::default()
    };
    let listed = cloud.iam.list_virtual_mfa_devices(list).await.unwrap().virtual_mfa_devices;
    assert!(listed[0].base32_string_seed.is_none(), "the seed is told once");
}

#[tokio::test]
async fn a_role_of_a_service_is_the_services() {
    let cloud = Cloud::new();
    let create = || CreateServiceLinkedRoleRequest {
        aws_service_name: "ecs.amazonaws.com".into(),
        ..Default::default()
    };
    let role = cloud.iam.create_service_linked_role(create()).await.unwrap().role.unwrap();
    assert_eq!(role.role_name, "AWSServiceRoleForECS");
    assert!(
        refusal(cloud.iam.create_service_linked_role(create()).await)
            .contains("has been taken in this account")
    );
    let attach =
        AttachRolePolicyRequest { role_name: role.role_name.clone(), policy_arn: READ_ONLY.into() };
    assert_eq!(
        refusal(cloud.iam.attach_role_policy(attach).await),
        "UnmodifiableEntity: Cannot perform the operation on the protected role \
         'AWSServiceRoleForECS' - this role is only modifiable by ecs.amazonaws.com"
    );
    let delete = DeleteServiceLinkedRoleRequest { role_name: role.role_name };
    let task = cloud.iam.delete_service_linked_role(delete).await.unwrap().deletion_task_id;
    let status = GetServiceLinkedRoleDeletionStatusRequest { deletion_task_id: task };
    let status = cloud.iam.get_service_linked_role_deletion_status(status).await.unwrap().status;
    assert!(matches!(status, DeletionTaskStatusType::Succeeded));
}

#[tokio::test]
async fn trust_is_in_the_one_not_in_the_name() {
    let cloud = Cloud::new();
    let trust = |user: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:user/{user}"}},"Action":"sts:AssumeRole"}}]}}"#
        )
    };
    let create = || CreateRoleRequest {
        role_name: "desk".into(),
        assume_role_policy_document: trust("ann"),
        ..Default::default()
    };
    assert_eq!(
        refusal(cloud.iam.create_role(create()).await),
        format!(
            "MalformedPolicyDocument: Invalid principal in policy: \
             \"AWS\":\"arn:aws:iam::{ACCOUNT}:user/ann\""
        )
    );
    let first = cloud.user("ann").await.user_id;
    cloud.iam.create_role(create()).await.unwrap();
    let trusted = async || {
        let get = GetRoleRequest { role_name: "desk".into() };
        cloud.iam.get_role(get).await.unwrap().role.assume_role_policy_document.unwrap()
    };
    assert!(trusted().await.contains("user%2Fann"));
    cloud.iam.delete_user(DeleteUserRequest { user_name: "ann".into() }).await.unwrap();
    cloud.user("ann").await;
    let now = trusted().await;
    assert!(now.contains(&first) && !now.contains("user%2Fann"), "{now}");
}

#[tokio::test]
async fn reports() {
    let cloud = Cloud::new();
    cloud.user("ann").await;
    let get = || cloud.iam.get_credential_report(GetCredentialReportInput {});
    assert!(refusal(get().await).starts_with("ReportNotPresent: "));
    let generate = cloud.iam.generate_credential_report(GenerateCredentialReportInput {});
    assert!(matches!(generate.await.unwrap().state, Some(ReportStateType::Started)));
    let content = get().await.unwrap().content.unwrap();
    let text = String::from_utf8(content.0.to_vec()).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.len() == 22), "{rows:?}");
    assert_eq!((rows[1][0], rows[2][0]), ("<root_account>", "ann"));

    let summary = cloud.iam.get_account_summary(GetAccountSummaryInput {}).await.unwrap();
    let summary = summary.summary_map.unwrap();
    assert_eq!((summary["Users"], summary["UsersQuota"]), (1, 5000));
}

#[tokio::test]
async fn what_policies_grant() {
    let cloud = Cloud::new();
    let user = cloud.user("ann").await;
    let attach = AttachUserPolicyRequest { user_name: "ann".into(), policy_arn: READ_ONLY.into() };
    cloud.iam.attach_user_policy(attach).await.unwrap();
    let ask = ListPoliciesGrantingServiceAccessRequest {
        arn: user.arn.clone(),
        service_namespaces: vec!["s3".into(), "none".into()],
        marker: None,
    };
    let granted = cloud.iam.list_policies_granting_service_access(ask).await.unwrap();
    let counts: Vec<usize> = granted
        .policies_granting_service_access
        .iter()
        .map(|entry| entry.policies.as_ref().map_or(0, Vec::len))
        .collect();
    assert_eq!(counts, [1, 0]);
    let generate =
        GenerateServiceLastAccessedDetailsRequest { arn: user.arn, ..Default::default() };
    let job = cloud.iam.generate_service_last_accessed_details(generate).await.unwrap().job_id;
    let ask = GetServiceLastAccessedDetailsRequest { job_id: job.unwrap(), ..Default::default() };
    let details = cloud.iam.get_service_last_accessed_details(ask).await.unwrap();
    let services = details.services_last_accessed;
    assert_eq!(services[0].service_namespace, "iam");
    assert!(services[0].last_authenticated.is_none());
}

#[tokio::test]
async fn server_certificates_and_their_keys() {
    let cloud = Cloud::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["x.example".into()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    let upload = |key: &rcgen::KeyPair| UploadServerCertificateRequest {
        server_certificate_name: "desk".into(),
        certificate_body: certificate.clone(),
        private_key: key.serialize_pem(),
        ..Default::default()
    };
    let other = rcgen::KeyPair::generate().unwrap();
    assert!(
        refusal(cloud.iam.upload_server_certificate(upload(&other)).await)
            .starts_with("KeyPairMismatch: ")
    );
    let made = cloud.iam.upload_server_certificate(upload(&key)).await.unwrap();
    let metadata = made.server_certificate_metadata.unwrap();
    assert_eq!(metadata.arn, "arn:aws:iam::111122223333:server-certificate/desk");
    let get = GetServerCertificateRequest { server_certificate_name: "desk".into() };
    let found = cloud.iam.get_server_certificate(get).await.unwrap().server_certificate;
    assert_eq!(found.certificate_body, certificate.trim());
}
