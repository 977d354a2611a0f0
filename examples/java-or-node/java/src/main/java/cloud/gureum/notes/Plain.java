package cloud.gureum.notes;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.time.Instant;
import java.util.Map;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** The same as the Node.js function, with maps of attribute values. */
public final class Plain implements RequestHandler<Map<String, String>, Map<String, String>> {
    private static final String TABLE = System.getenv("TABLE_NAME");
    private final DynamoDbClient client =
            DynamoDbClient.builder().httpClient(UrlConnectionHttpClient.create()).build();

    @Override
    public Map<String, String> handleRequest(Map<String, String> event, Context context) {
        String id = event.get("id");
        if ("POST".equals(event.get("method"))) {
            String now = Instant.now().toString();
            Map<String, AttributeValue> item = Map.of(
                    "id", AttributeValue.fromS(id),
                    "text", AttributeValue.fromS(event.get("text")),
                    "createdAt", AttributeValue.fromS(now));
            client.putItem(request -> request.tableName(TABLE).item(item));
            return Map.of("id", id, "text", event.get("text"), "createdAt", now);
        }
        Map<String, AttributeValue> item =
                client.getItem(request -> request.tableName(TABLE).key(Map.of("id", AttributeValue.fromS(id)))).item();
        if (item.isEmpty()) {
            return null;
        }
        return Map.of("id", id, "text", item.get("text").s(), "createdAt", item.get("createdAt").s());
    }
}
