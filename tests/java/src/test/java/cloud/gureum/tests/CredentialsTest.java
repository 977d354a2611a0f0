package cloud.gureum.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.iam.model.EntityAlreadyExistsException;
import software.amazon.awssdk.services.iam.model.FeatureEnabledException;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleCredentialsProvider;
import software.amazon.awssdk.services.sts.auth.StsAssumeRoleWithWebIdentityCredentialsProvider;
import software.amazon.awssdk.services.sts.auth.StsGetSessionTokenCredentialsProvider;
import software.amazon.awssdk.services.sts.auth.StsWebIdentityTokenFileCredentialsProvider;
import software.amazon.awssdk.services.sts.model.StsException;

/** Credentials that the SDK for Java v2 gets for itself: roles, web identities, sessions. */
class CredentialsTest {
    private static final URI ENDPOINT = URI.create(System.getenv("GUREUM_ENDPOINT"));
    private static final AwsCredentialsProvider KEY =
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    private static final IamClient IAM = IamClient.builder()
            .endpointOverride(ENDPOINT)
            .region(Region.AP_NORTHEAST_2)
            .credentialsProvider(KEY)
            .build();

    private static StsClient sts(AwsCredentialsProvider credentials) {
        return StsClient.builder()
                .endpointOverride(ENDPOINT)
                .region(Region.AP_NORTHEAST_2)
                .credentialsProvider(credentials)
                .build();
    }

    private static String who(AwsCredentialsProvider credentials) {
        return sts(credentials).getCallerIdentity().arn();
    }

    private static String role(String principal, String action) {
        String trust = "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"" + action
                + "\",\"Principal\":" + principal + "}}";
        String name = "java-" + UUID.randomUUID().toString().substring(0, 8);
        return IAM.createRole(r -> r.roleName(name).assumeRolePolicyDocument(trust)).role().arn();
    }

    private static String session(String role, String name) {
        return role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/" + name;
    }

    private static String account() {
        return sts(KEY).getCallerIdentity().account();
    }

    /** An issuer of ours that its own account trusts; returns the provider's ARN. */
    private static String provider() {
        try {
            IAM.enableOutboundWebIdentityFederation(r -> {});
        } catch (FeatureEnabledException already) {
            assertTrue(already.getMessage().contains("enabled"));
        }
        String issuer = IAM.getOutboundWebIdentityFederationInfo(r -> {}).issuerIdentifier();
        try {
            return IAM.createOpenIDConnectProvider(r -> r.url(issuer).clientIDList("java").thumbprintList("0".repeat(40)))
                    .openIDConnectProviderArn();
        } catch (EntityAlreadyExistsException already) {
            String arn = "arn:aws:iam::" + account() + ":oidc-provider/" + issuer.split("://")[1];
            if (!IAM.getOpenIDConnectProvider(r -> r.openIDConnectProviderArn(arn)).clientIDList().contains("java")) {
                IAM.addClientIDToOpenIDConnectProvider(r -> r.openIDConnectProviderArn(arn).clientID("java"));
            }
            return arn;
        }
    }

    private static String token() {
        return sts(KEY)
                .getWebIdentityToken(r -> r.audience(List.of("java")).signingAlgorithm("RS256"))
                .webIdentityToken();
    }

    @Test
    void aRoleAndByItAnother() {
        String first = role("{\"AWS\":\"" + account() + "\"}", "sts:AssumeRole");
        AwsCredentialsProvider one = StsAssumeRoleCredentialsProvider.builder()
                .stsClient(sts(KEY))
                .refreshRequest(r -> r.roleArn(first).roleSessionName("kim"))
                .build();
        assertEquals(session(first, "kim"), who(one));
        String second = role("{\"AWS\":\"" + first + "\"}", "sts:AssumeRole");
        AwsCredentialsProvider two = StsAssumeRoleCredentialsProvider.builder()
                .stsClient(sts(one))
                .refreshRequest(r -> r.roleArn(second).roleSessionName("lee"))
                .build();
        assertEquals(session(second, "lee"), who(two));
        String closed = role("{\"AWS\":\"" + second + "\"}", "sts:AssumeRole");
        AwsCredentialsProvider refused = StsAssumeRoleCredentialsProvider.builder()
                .stsClient(sts(one))
                .refreshRequest(r -> r.roleArn(closed).roleSessionName("lee"))
                .build();
        StsException error = assertThrows(StsException.class, () -> who(refused));
        assertEquals("AccessDenied", error.awsErrorDetails().errorCode());
    }

    @Test
    void aWebIdentity(@TempDir Path folder) throws IOException {
        String role = role("{\"Federated\":\"" + provider() + "\"}", "sts:AssumeRoleWithWebIdentity");
        String token = token();
        AwsCredentialsProvider given = StsAssumeRoleWithWebIdentityCredentialsProvider.builder()
                .stsClient(sts(AnonymousCredentialsProvider.create()))
                .refreshRequest(r -> r.roleArn(role).roleSessionName("kim").webIdentityToken(token))
                .build();
        assertEquals(session(role, "kim"), who(given));
        Path file = Files.writeString(folder.resolve("token"), token());
        AwsCredentialsProvider read = StsWebIdentityTokenFileCredentialsProvider.builder()
                .stsClient(sts(AnonymousCredentialsProvider.create()))
                .roleArn(role)
                .roleSessionName("lee")
                .webIdentityTokenFile(file)
                .build();
        assertEquals(session(role, "lee"), who(read));
    }

    @Test
    void aSession() {
        AwsCredentialsProvider session =
                StsGetSessionTokenCredentialsProvider.builder().stsClient(sts(KEY)).build();
        assertEquals("arn:aws:iam::" + account() + ":root", who(session));
    }
}
