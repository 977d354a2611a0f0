//! Service-linked roles: which service has which, as the services' user guides tell.

/// A service's role.
pub(crate) struct ServiceRole {
    /// Without `.amazonaws.com`.
    pub service: &'static str,
    pub role: &'static str,
    /// The policy that AWS attaches to it, below `/aws-service-role/`.
    pub policy: &'static str,
    /// Can there be several, told apart by a suffix?
    pub suffix: bool,
}

const fn role(
    service: &'static str,
    role: &'static str,
    policy: &'static str,
    suffix: bool,
) -> ServiceRole {
    ServiceRole { service, role, policy, suffix }
}

/// The role of a service, `ecs.amazonaws.com`.
pub(crate) fn of(principal: &str) -> Option<&'static ServiceRole> {
    let service = principal.strip_suffix(".amazonaws.com")?;
    ROLES.iter().find(|role| role.service == service)
}

const ROLES: &[ServiceRole] = &[
    role(
        "access-analyzer",
        "AWSServiceRoleForAccessAnalyzer",
        "AccessAnalyzerServiceRolePolicy",
        false,
    ),
    role(
        "apidestinations.events",
        "AWSServiceRoleForAmazonEventBridgeApiDestinations",
        "AmazonEventBridgeApiDestinationsServiceRolePolicy",
        false,
    ),
    role("apprunner", "AWSServiceRoleForAppRunner", "AppRunnerServiceRolePolicy", false),
    role("autoscaling", "AWSServiceRoleForAutoScaling", "AutoScalingServiceRolePolicy", true),
    role("backup", "AWSServiceRoleForBackup", "AWSBackupServiceLinkedRolePolicyForBackup", false),
    role("batch", "AWSServiceRoleForBatch", "BatchServiceRolePolicy", false),
    role("cloudtrail", "AWSServiceRoleForCloudTrail", "CloudTrailServiceRolePolicy", false),
    role(
        "cognito-idp",
        "AWSServiceRoleForAmazonCognitoIdp",
        "AmazonCognitoIdpServiceRolePolicy",
        false,
    ),
    role("config", "AWSServiceRoleForConfig", "AWSConfigServiceRolePolicy", false),
    role("connect", "AWSServiceRoleForAmazonConnect", "AmazonConnectServiceLinkedRolePolicy", true),
    role(
        "custom-resource.application-autoscaling",
        "AWSServiceRoleForApplicationAutoScaling_CustomResource",
        "AWSApplicationAutoScalingCustomResourcePolicy",
        false,
    ),
    role(
        "dynamodb.application-autoscaling",
        "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
        "AWSApplicationAutoscalingDynamoDBTablePolicy",
        false,
    ),
    role("ecs", "AWSServiceRoleForECS", "AmazonECSServiceRolePolicy", false),
    role(
        "ecs.application-autoscaling",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "AWSApplicationAutoscalingECSServicePolicy",
        false,
    ),
    role("eks", "AWSServiceRoleForAmazonEKS", "AmazonEKSServiceRolePolicy", false),
    role(
        "eks-nodegroup",
        "AWSServiceRoleForAmazonEKSNodegroup",
        "AWSServiceRoleForAmazonEKSNodegroup",
        false,
    ),
    role("elasticache", "AWSServiceRoleForElastiCache", "ElastiCacheServiceRolePolicy", false),
    role(
        "elasticbeanstalk",
        "AWSServiceRoleForElasticBeanstalk",
        "AWSElasticBeanstalkServiceRolePolicy",
        false,
    ),
    role(
        "elasticfilesystem",
        "AWSServiceRoleForAmazonElasticFileSystem",
        "AmazonElasticFileSystemServiceRolePolicy",
        false,
    ),
    role(
        "elasticloadbalancing",
        "AWSServiceRoleForElasticLoadBalancing",
        "AWSElasticLoadBalancingServiceRolePolicy",
        false,
    ),
    role(
        "email.cognito-idp",
        "AWSServiceRoleForAmazonCognitoIdpEmailService",
        "AmazonCognitoIdpEmailServiceRolePolicy",
        false,
    ),
    role(
        "es",
        "AWSServiceRoleForAmazonElasticsearchService",
        "AmazonElasticsearchServiceRolePolicy",
        false,
    ),
    role(
        "globalaccelerator",
        "AWSServiceRoleForGlobalAccelerator",
        "AWSGlobalAcceleratorSLRPolicy",
        false,
    ),
    role(
        "guardduty",
        "AWSServiceRoleForAmazonGuardDuty",
        "AmazonGuardDutyServiceRolePolicy",
        false,
    ),
    role(
        "lambda.application-autoscaling",
        "AWSServiceRoleForApplicationAutoScaling_LambdaConcurrency",
        "AWSApplicationAutoscalingLambdaConcurrencyPolicy",
        false,
    ),
    role("lex", "AWSServiceRoleForLexBots", "AmazonLexBotPolicy", false),
    role("lexv2", "AWSServiceRoleForLexV2Bots", "AmazonLexV2BotPolicy", true),
    role(
        "opensearchservice",
        "AWSServiceRoleForAmazonOpenSearchService",
        "AmazonOpenSearchServiceRolePolicy",
        false,
    ),
    role("ops.apigateway", "AWSServiceRoleForAPIGateway", "APIGatewayServiceRolePolicy", false),
    role(
        "organizations",
        "AWSServiceRoleForOrganizations",
        "AWSOrganizationsServiceTrustPolicy",
        false,
    ),
    role("rds", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy", false),
    role(
        "replication.dynamodb",
        "AWSServiceRoleForDynamoDBReplication",
        "DynamoDBReplicationServiceRolePolicy",
        false,
    ),
    role("replicator.lambda", "AWSServiceRoleForLambdaReplicator", "AWSLambdaReplicator", false),
    role("spot", "AWSServiceRoleForEC2Spot", "AWSEC2SpotServiceRolePolicy", false),
    role("spotfleet", "AWSServiceRoleForEC2SpotFleet", "AWSEC2SpotFleetServiceRolePolicy", false),
    role("sso", "AWSServiceRoleForSSO", "AWSSSOServiceRolePolicy", false),
    role("support", "AWSServiceRoleForSupport", "AWSSupportServiceRolePolicy", false),
    role(
        "trustedadvisor",
        "AWSServiceRoleForTrustedAdvisor",
        "AWSTrustedAdvisorServiceRolePolicy",
        false,
    ),
];
