package cloud.gureum.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional.keyEqualTo;
import static software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional.sortBetween;

import java.net.URI;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Expression;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbVersionAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondaryPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.WriteBatch;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.ProjectionType;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;

/** Beans of the SDK for Java's enhanced DynamoDB client. */
class DynamoDbEnhancedTest {
    /** A flight; its version guards against lost updates. */
    @DynamoDbBean
    public static class Flight {
        private String airline;
        private Integer number;
        private String gate;
        private Instant departs;
        private List<String> crew;
        private Long version;

        @DynamoDbPartitionKey
        public String getAirline() {
            return airline;
        }

        public void setAirline(String airline) {
            this.airline = airline;
        }

        @DynamoDbSortKey
        public Integer getNumber() {
            return number;
        }

        public void setNumber(Integer number) {
            this.number = number;
        }

        @DynamoDbSecondaryPartitionKey(indexNames = "by-gate")
        public String getGate() {
            return gate;
        }

        public void setGate(String gate) {
            this.gate = gate;
        }

        public Instant getDeparts() {
            return departs;
        }

        public void setDeparts(Instant departs) {
            this.departs = departs;
        }

        public List<String> getCrew() {
            return crew;
        }

        public void setCrew(List<String> crew) {
            this.crew = crew;
        }

        @DynamoDbVersionAttribute
        public Long getVersion() {
            return version;
        }

        public void setVersion(Long version) {
            this.version = version;
        }
    }

    private final DynamoDbClient client = DynamoDbClient.builder()
            .endpointOverride(URI.create(System.getenv("GUREUM_ENDPOINT")))
            .region(Region.AP_NORTHEAST_2)
            .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
            .overrideConfiguration(configuration -> configuration.retryStrategy(r -> r.maxAttempts(1)))
            .build();
    private final DynamoDbEnhancedClient enhanced =
            DynamoDbEnhancedClient.builder().dynamoDbClient(client).build();
    private final DynamoDbTable<Flight> flights = enhanced.table(
            "flights-" + UUID.randomUUID().toString().substring(0, 13), TableSchema.fromBean(Flight.class));

    private static Flight flight(int n) {
        Flight flight = new Flight();
        flight.setAirline("GR");
        flight.setNumber(n);
        flight.setGate("G" + n % 3);
        flight.setDeparts(Instant.ofEpochSecond(1_800_000_000L + n));
        flight.setCrew(List.of("김서연", "P" + n));
        return flight;
    }

    private static Key key(int n) {
        return Key.builder().partitionValue("GR").sortValue(n).build();
    }

    @BeforeEach
    void create() {
        flights.createTable(create -> create.globalSecondaryIndices(
                index -> index.indexName("by-gate").projection(p -> p.projectionType(ProjectionType.ALL))));
        client.waiter().waitUntilTableExists(describe -> describe.tableName(flights.tableName()));
    }

    @AfterEach
    void delete() {
        flights.deleteTable();
    }

    @Test
    void keepsBeansAndTheirVersions() {
        flights.putItem(flight(412));
        Flight found = flights.getItem(get -> get.key(key(412)).consistentRead(true));
        assertEquals(List.of("김서연", "P412"), found.getCrew());
        assertEquals(Instant.ofEpochSecond(1_800_000_412L), found.getDeparts());
        assertEquals(1, found.getVersion());
        found.setGate(null);
        Flight updated = flights.updateItem(found);
        assertEquals(2, updated.getVersion());
        assertNull(flights.getItem(key(412)).getGate());
        // `found` is of the first version still.
        assertThrows(ConditionalCheckFailedException.class, () -> flights.putItem(found));
        assertEquals(2, flights.deleteItem(key(412)).getVersion());
    }

    @Test
    void readsIndexesInPagesAndWritesTransactions() {
        // Batches have no conditions, so no versions.
        DynamoDbEnhancedClient plain = DynamoDbEnhancedClient.builder()
                .dynamoDbClient(client)
                .extensions(List.of())
                .build();
        DynamoDbTable<Flight> unversioned = plain.table(flights.tableName(), TableSchema.fromBean(Flight.class));
        WriteBatch.Builder<Flight> batch =
                WriteBatch.builder(Flight.class).mappedTableResource(unversioned);
        IntStream.range(0, 20).forEach(n -> batch.addPutItem(flight(n)));
        var written = plain.batchWriteItem(all -> all.writeBatches(batch.build()));
        assertEquals(List.of(), written.unprocessedPutItemsForTable(unversioned));
        List<Integer> range = flights.query(query -> query.queryConditional(sortBetween(key(5), key(9)))
                        .limit(2)
                        .scanIndexForward(false))
                .items()
                .stream()
                .map(Flight::getNumber)
                .toList();
        assertEquals(List.of(9, 8, 7, 6, 5), range);
        long atGate = flights
                .index("by-gate")
                .query(query -> query.queryConditional(keyEqualTo(k -> k.partitionValue("G1"))).limit(3))
                .stream()
                .mapToLong(page -> page.items().size())
                .sum();
        assertEquals(7, atGate);
        Expression late = Expression.builder()
                .expression("#n >= :n")
                .expressionNames(Map.of("#n", "number"))
                .expressionValues(Map.of(":n", AttributeValue.fromN("15")))
                .build();
        assertEquals(5, flights.scan(scan -> scan.filterExpression(late)).items().stream().count());
        assertThrows(
                TransactionCanceledException.class,
                () -> enhanced.transactWriteItems(all -> all.addDeleteItem(flights, key(1))
                        .addConditionCheck(flights, check -> check.key(key(99))
                                .conditionExpression(Expression.builder()
                                        .expression("attribute_exists(airline)")
                                        .build()))));
        assertEquals(1, flights.getItem(key(1)).getNumber());
        enhanced.transactWriteItems(all -> all.addDeleteItem(flights, key(1)).addPutItem(flights, flight(99)));
        assertNull(flights.getItem(key(1)));
        assertEquals("G0", flights.getItem(key(99)).getGate());
    }
}
