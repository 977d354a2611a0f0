package cloud.gureum.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.client.builder.AwsClientBuilder;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatchlogs.CloudWatchLogsClient;
import software.amazon.awssdk.services.connect.ConnectClient;
import software.amazon.awssdk.services.connect.model.ContactFlowType;
import software.amazon.awssdk.services.connect.model.DirectoryType;
import software.amazon.awssdk.services.connect.model.InstanceStatus;
import software.amazon.awssdk.services.connect.model.InvalidContactFlowException;
import software.amazon.awssdk.services.connect.model.PhoneNumberCountryCode;
import software.amazon.awssdk.services.connect.model.PhoneNumberType;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.PutRequest;
import software.amazon.awssdk.services.dynamodb.model.ResourceNotFoundException;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.WriteRequest;
import software.amazon.awssdk.services.iam.IamClient;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvokeResponse;
import software.amazon.awssdk.services.lambda.model.LogType;
import software.amazon.awssdk.services.sts.StsClient;
import software.amazon.awssdk.services.sts.model.StsException;

/** Every service of the slice, through the SDK for Java v2. GUREUM_ENDPOINT names the cloud. */
class SliceTest {
    private static final String ACCOUNT = "000000000000";
    private static final Region REGION = Region.AP_NORTHEAST_2;
    private static final Path EXAMPLE = Path.of("../../examples/flight-desk");

    private static <B extends AwsClientBuilder<B, C>, C> C client(B builder, String secret) {
        return builder.endpointOverride(URI.create(System.getenv("GUREUM_ENDPOINT")))
                .region(REGION)
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", secret)))
                .overrideConfiguration(configuration -> configuration.retryStrategy(r -> r.maxAttempts(1)))
                .build();
    }

    private static <B extends AwsClientBuilder<B, C>, C> C client(B builder) {
        return client(builder, "test");
    }

    private static String unique(String prefix) {
        return prefix + "-" + UUID.randomUUID().toString().substring(0, 13);
    }

    private static void eventually(BooleanSupplier probe) throws InterruptedException {
        for (int attempt = 0; attempt < 100; attempt++) {
            if (probe.getAsBoolean()) {
                return;
            }
            Thread.sleep(100);
        }
        throw new AssertionError("not within 10 s");
    }

    @Test
    void stsTellsWhoIsAsking() {
        assertEquals(ACCOUNT, client(StsClient.builder()).getCallerIdentity().account());
        StsException refused = assertThrows(
                StsException.class, () -> client(StsClient.builder(), "wrong").getCallerIdentity());
        assertEquals(403, refused.statusCode());
        assertEquals("SignatureDoesNotMatch", refused.awsErrorDetails().errorCode());
    }

    @Test
    void dynamoDbKeepsItems() {
        DynamoDbClient db = client(DynamoDbClient.builder());
        String table = createTable(db);
        Map<String, AttributeValue> item = Map.of(
                "customer", AttributeValue.fromS("김서연"),
                "booking", AttributeValue.fromN("410021"),
                "bytes", AttributeValue.fromB(SdkBytes.fromByteArray(new byte[] {0, 127, -1})),
                "list", AttributeValue.fromL(List.of(AttributeValue.fromNul(true), AttributeValue.fromBool(false))),
                "map", AttributeValue.fromM(Map.of("빈 문자열", AttributeValue.fromS(""))));
        db.putItem(put -> put.tableName(table).item(item));
        Map<String, AttributeValue> key = Map.of("customer", item.get("customer"), "booking", item.get("booking"));
        assertEquals(item, db.getItem(get -> get.tableName(table).key(key).consistentRead(true)).item());
        assertFalse(db.getItem(get -> get.tableName(table)
                        .key(Map.of("customer", AttributeValue.fromS("x"), "booking", AttributeValue.fromN("1"))))
                .hasItem());
        Map<String, AttributeValue> updated = db.updateItem(update -> update.tableName(table)
                        .key(key)
                        .updateExpression("SET seats = :seats REMOVE bytes")
                        .expressionAttributeValues(Map.of(":seats", AttributeValue.fromSs(List.of("14A"))))
                        .returnValues("UPDATED_NEW"))
                .attributes();
        assertEquals(Map.of("seats", AttributeValue.fromSs(List.of("14A"))), updated);
        assertThrows(ConditionalCheckFailedException.class, () -> db.putItem(put -> put.tableName(table)
                .item(item)
                .conditionExpression("attribute_not_exists(customer)")));
        db.deleteTable(delete -> delete.tableName(table));
        db.waiter().waitUntilTableNotExists(describe -> describe.tableName(table));
        assertThrows(ResourceNotFoundException.class, () -> db.describeTable(describe -> describe.tableName(table)));
    }

    @Test
    void dynamoDbQueriesInPages() {
        DynamoDbClient db = client(DynamoDbClient.builder());
        String table = createTable(db);
        List<WriteRequest> puts = IntStream.range(0, 25)
                .mapToObj(number -> Map.of(
                        "customer", AttributeValue.fromS("a"), "booking", AttributeValue.fromN(String.valueOf(number))))
                .map(item -> WriteRequest.builder().putRequest(PutRequest.builder().item(item).build()).build())
                .toList();
        db.batchWriteItem(batch -> batch.requestItems(Map.of(table, puts)));
        List<String> bookings = db.queryPaginator(query -> query.tableName(table)
                        .keyConditionExpression("customer = :c AND booking < :before")
                        .expressionAttributeValues(
                                Map.of(":c", AttributeValue.fromS("a"), ":before", AttributeValue.fromN("12")))
                        .limit(5))
                .items().stream().map(item -> item.get("booking").n()).toList();
        assertEquals(IntStream.range(0, 12).mapToObj(String::valueOf).toList(), bookings);
        db.deleteTable(delete -> delete.tableName(table));
    }

    private static String createTable(DynamoDbClient db) {
        String table = unique("bookings");
        db.createTable(create -> create.tableName(table)
                .keySchema(
                        key -> key.attributeName("customer").keyType(KeyType.HASH),
                        key -> key.attributeName("booking").keyType(KeyType.RANGE))
                .attributeDefinitions(
                        attribute -> attribute.attributeName("customer").attributeType(ScalarAttributeType.S),
                        attribute -> attribute.attributeName("booking").attributeType(ScalarAttributeType.N))
                .billingMode(BillingMode.PAY_PER_REQUEST));
        db.waiter().waitUntilTableExists(describe -> describe.tableName(table));
        return table;
    }

    @Test
    void lambdaRunsTheJavaFunctionOfTheExample() throws Exception {
        LambdaClient lambda = client(LambdaClient.builder());
        String name = unique("java");
        String trust = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                + "\"Action\":\"sts:AssumeRole\",\"Principal\":{\"Service\":\"lambda.amazonaws.com\"}}]}";
        String role = client(IamClient.builder()).createRole(
                create -> create.roleName(unique("java-role")).assumeRolePolicyDocument(trust)).role().arn();
        SdkBytes code = SdkBytes.fromByteArray(Files.readAllBytes(EXAMPLE.resolve("java/target/flight-desk.zip")));
        lambda.createFunction(create -> create.functionName(name)
                .runtime("java17")
                .handler("cloud.gureum.flightdesk.FindBooking")
                .role(role)
                .memorySize(512)
                .timeout(20)
                .environment(environment -> environment.variables(Map.of("TABLE_NAME", "no-such-table")))
                .code(zip -> zip.zipFile(code)));
        lambda.waiter().waitUntilFunctionActiveV2(get -> get.functionName(name));
        SdkBytes event = SdkBytes.fromUtf8String("{\"Details\":{\"ContactData\":{\"ContactId\":\"기록\"},"
                + "\"Parameters\":{\"customerNumber\":\"\"}}}");
        InvokeResponse answer = lambda.invoke(
                invoke -> invoke.functionName(name).payload(event).logType(LogType.TAIL));
        assertEquals(200, answer.statusCode());
        // Without a number there is nothing to look up, so the missing table does not matter.
        assertTrue(answer.payload().asUtf8String().contains("\"status\":\"UNKNOWN\""), answer.payload().asUtf8String());
        CloudWatchLogsClient logs = client(CloudWatchLogsClient.builder());
        String group = "/aws/lambda/" + name;
        eventually(() -> !logs.describeLogGroups(describe -> describe.logGroupNamePrefix(group)).logGroups().isEmpty()
                && logs.filterLogEventsPaginator(filter -> filter.logGroupName(group)).events().stream()
                        .anyMatch(logged -> logged.message().contains("contact 기록: 0 bookings")));
        lambda.deleteFunction(delete -> delete.functionName(name));
        assertThrows(
                software.amazon.awssdk.services.lambda.model.ResourceNotFoundException.class,
                () -> lambda.getFunction(get -> get.functionName(name)));
    }

    @Test
    void connectTakesAFlowAndANumber() throws Exception {
        ConnectClient connect = client(ConnectClient.builder());
        var instance = connect.createInstance(create -> create.identityManagementType(DirectoryType.CONNECT_MANAGED)
                .instanceAlias(unique("desk"))
                .inboundCallsEnabled(true)
                .outboundCallsEnabled(false));
        eventually(() -> connect.describeInstance(describe -> describe.instanceId(instance.id()))
                .instance().instanceStatus() == InstanceStatus.ACTIVE);
        String content = Files.readString(EXAMPLE.resolve("flow.json"));
        var flow = connect.createContactFlow(create -> create.instanceId(instance.id())
                .name("flight-desk")
                .type(ContactFlowType.CONTACT_FLOW)
                .content(content));
        String number = connect.searchAvailablePhoneNumbers(search -> search.targetArn(instance.arn())
                        .phoneNumberCountryCode(PhoneNumberCountryCode.KR)
                        .phoneNumberType(PhoneNumberType.DID))
                .availableNumbersList().get(0).phoneNumber();
        var claimed = connect.claimPhoneNumber(claim -> claim.targetArn(instance.arn()).phoneNumber(number));
        connect.associatePhoneNumberContactFlow(associate -> associate.phoneNumberId(claimed.phoneNumberId())
                .instanceId(instance.id())
                .contactFlowId(flow.contactFlowId()));
        String function = "arn:aws:lambda:" + REGION.id() + ":" + ACCOUNT + ":function:flight-desk";
        connect.associateLambdaFunction(
                associate -> associate.instanceId(instance.id()).functionArn(function));
        assertEquals(
                Set.of(function),
                Set.copyOf(connect.listLambdaFunctions(list -> list.instanceId(instance.id())).lambdaFunctions()));
        InvalidContactFlowException refused = assertThrows(
                InvalidContactFlowException.class,
                () -> connect.updateContactFlowContent(update -> update.instanceId(instance.id())
                        .contactFlowId(flow.contactFlowId())
                        .content(content.replace("\"NextAction\": \"voice\"", "\"NextAction\": \"nowhere\""))));
        assertFalse(refused.problems().isEmpty());
        connect.deleteInstance(delete -> delete.instanceId(instance.id()));
    }
}
