package cloud.gureum.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.KeyType;
import software.amazon.awssdk.services.dynamodb.model.KeysAndAttributes;
import software.amazon.awssdk.services.dynamodb.model.ProjectionType;
import software.amazon.awssdk.services.dynamodb.model.PutRequest;
import software.amazon.awssdk.services.dynamodb.model.ReturnConsumedCapacity;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.ScalarAttributeType;
import software.amazon.awssdk.services.dynamodb.model.Select;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;
import software.amazon.awssdk.services.dynamodb.model.WriteRequest;

/** Indexes, pages, batches, transactions and PartiQL of DynamoDB, through the SDK for Java v2. */
class DynamoDbTest {
    private static final String TABLE =
            "orders-" + UUID.randomUUID().toString().substring(0, 13);
    private static final URI ENDPOINT = URI.create(System.getenv("GUREUM_ENDPOINT"));
    private static final StaticCredentialsProvider KEY =
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    private static final DynamoDbClient DB = DynamoDbClient.builder()
            .endpointOverride(ENDPOINT)
            .region(Region.AP_NORTHEAST_2)
            .credentialsProvider(KEY)
            .overrideConfiguration(configuration -> configuration.retryStrategy(r -> r.maxAttempts(1)))
            .build();

    private static AttributeValue text(String text) {
        return AttributeValue.fromS(text);
    }

    private static AttributeValue number(long number) {
        return AttributeValue.fromN(Long.toString(number));
    }

    private static Map<String, AttributeValue> key(int n) {
        return Map.of("customer", text("c" + n % 4), "order", number(n));
    }

    @BeforeAll
    static void fill() {
        DB.createTable(create -> create.tableName(TABLE)
                .billingMode(BillingMode.PAY_PER_REQUEST)
                .keySchema(
                        k -> k.attributeName("customer").keyType(KeyType.HASH),
                        k -> k.attributeName("order").keyType(KeyType.RANGE))
                .attributeDefinitions(
                        a -> a.attributeName("customer").attributeType(ScalarAttributeType.S),
                        a -> a.attributeName("order").attributeType(ScalarAttributeType.N),
                        a -> a.attributeName("state").attributeType(ScalarAttributeType.S))
                .globalSecondaryIndexes(index -> index.indexName("by-state")
                        .keySchema(
                                k -> k.attributeName("state").keyType(KeyType.HASH),
                                k -> k.attributeName("order").keyType(KeyType.RANGE))
                        .projection(p -> p.projectionType(ProjectionType.KEYS_ONLY))));
        DB.waiter().waitUntilTableExists(describe -> describe.tableName(TABLE));
        for (int from = 0; from < 100; from += 25) {
            List<WriteRequest> puts = IntStream.range(from, from + 25)
                    .mapToObj(n -> {
                        Map<String, AttributeValue> item = new java.util.HashMap<>(key(n));
                        item.put("state", text(n % 5 == 0 ? "open" : "done"));
                        item.put("price", AttributeValue.fromN(n + ".50"));
                        return WriteRequest.builder()
                                .putRequest(PutRequest.builder().item(item).build())
                                .build();
                    })
                    .toList();
            assertEquals(
                    Map.of(),
                    DB.batchWriteItem(batch -> batch.requestItems(Map.of(TABLE, puts)))
                            .unprocessedItems());
        }
    }

    @AfterAll
    static void delete() {
        DB.deleteTable(delete -> delete.tableName(TABLE));
        DB.waiter().waitUntilTableNotExists(describe -> describe.tableName(TABLE));
    }

    @Test
    void readsAnIndexInPages() {
        List<String> orders = new ArrayList<>();
        DB.queryPaginator(query -> query.tableName(TABLE)
                        .indexName("by-state")
                        .keyConditionExpression("#s = :s AND #o BETWEEN :from AND :to")
                        .expressionAttributeNames(Map.of("#s", "state", "#o", "order"))
                        .expressionAttributeValues(
                                Map.of(":s", text("open"), ":from", number(10), ":to", number(80)))
                        .scanIndexForward(false)
                        .limit(4))
                .items()
                .forEach(item -> {
                    assertEquals(3, item.size());
                    orders.add(item.get("order").n());
                });
        List<String> expected = IntStream.iterate(80, n -> n >= 10, n -> n - 5)
                .mapToObj(Integer::toString)
                .toList();
        assertEquals(expected, orders);
    }

    @Test
    void countsAndTellsCapacity() {
        var found = DB.query(query -> query.tableName(TABLE)
                .keyConditionExpression("customer = :c")
                .filterExpression("size(#s) = :four AND price > :t")
                .expressionAttributeNames(Map.of("#s", "state"))
                .expressionAttributeValues(Map.of(":c", text("c1"), ":four", number(4), ":t", number(50)))
                .select(Select.COUNT)
                .consistentRead(true)
                .returnConsumedCapacity(ReturnConsumedCapacity.TOTAL));
        assertEquals(12, found.count());
        assertEquals(25, found.scannedCount());
        assertEquals(1.0, found.consumedCapacity().capacityUnits());
    }

    @Test
    void writesAllOfATransactionOrNothing() {
        TransactionCanceledException canceled =
                assertThrows(TransactionCanceledException.class, () -> DB.transactWriteItems(all -> all.transactItems(
                        one -> one.delete(delete -> delete.tableName(TABLE).key(key(1))),
                        one -> one.update(update -> update.tableName(TABLE)
                                .key(key(2))
                                .updateExpression("SET price = price + :one")
                                .conditionExpression("price = :none")
                                .expressionAttributeValues(Map.of(":one", number(1), ":none", number(-1)))
                                .returnValuesOnConditionCheckFailure(
                                        ReturnValuesOnConditionCheckFailure.ALL_OLD)))));
        assertEquals("ConditionalCheckFailed", canceled.cancellationReasons().get(1).code());
        assertEquals("2.5", canceled.cancellationReasons().get(1).item().get("price").n());
        var got = DB.transactGetItems(all -> all.transactItems(
                one -> one.get(get -> get.tableName(TABLE).key(key(1)).projectionExpression("price")),
                one -> one.get(get -> get.tableName(TABLE).key(key(999)))));
        assertEquals(Map.of("price", AttributeValue.fromN("1.5")), got.responses().get(0).item());
        assertFalse(got.responses().get(1).hasItem());
    }

    @Test
    void conditionsReturnWhatTheyFound() {
        ConditionalCheckFailedException failed =
                assertThrows(ConditionalCheckFailedException.class, () -> DB.putItem(put -> put.tableName(TABLE)
                        .item(key(3))
                        .conditionExpression("attribute_not_exists(customer)")
                        .returnValuesOnConditionCheckFailure(ReturnValuesOnConditionCheckFailure.ALL_OLD)));
        assertTrue(failed.hasItem());
        assertEquals("3.5", failed.item().get("price").n());
    }

    @Test
    void getsBatchesAndRunsPartiQl() {
        List<Map<String, AttributeValue>> keys =
                IntStream.range(0, 100).mapToObj(DynamoDbTest::key).toList();
        var got = DB.batchGetItem(batch -> batch.requestItems(
                Map.of(TABLE, KeysAndAttributes.builder().keys(keys).build())));
        assertEquals(100, got.responses().get(TABLE).size());
        var found = DB.executeStatement(execute -> execute.statement(
                        "SELECT \"order\" FROM \"" + TABLE + "\".\"by-state\" WHERE state = ? AND \"order\" < ?")
                .parameters(text("open"), number(11)));
        assertEquals(
                List.of(number(0), number(5), number(10)),
                found.items().stream().map(item -> item.get("order")).toList());
    }

    @Test
    void servesTheAsynchronousClient() {
        try (DynamoDbAsyncClient async = DynamoDbAsyncClient.builder()
                .endpointOverride(ENDPOINT)
                .region(Region.AP_NORTHEAST_2)
                .credentialsProvider(KEY)
                .build()) {
            var reads = IntStream.range(0, 50)
                    .mapToObj(n -> async.getItem(get -> get.tableName(TABLE).key(key(n))))
                    .toList();
            for (int n = 0; n < 50; n++) {
                assertEquals(n + ".5", reads.get(n).join().item().get("price").n());
            }
        }
    }
}
