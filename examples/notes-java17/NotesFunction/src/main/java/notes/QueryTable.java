package notes;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.GetItemRequest;

/** Finds one item by its key. The client is told a region and nothing else: no endpoint, no key. */
public class QueryTable implements RequestHandler<Object, QueryTableResponse> {
    private static final Region REGION = Region.AP_NORTHEAST_2;
    private static final String TABLE_NAME = "table_name";

    @Override
    public QueryTableResponse handleRequest(Object input, Context context) {
        DynamoDbClient dynamoDbClient = DynamoDbClient.builder().region(REGION).build();

        Map<String, AttributeValue> key = new HashMap<>();
        key.put("name", AttributeValue.builder().s("beaver").build());
        GetItemRequest request = GetItemRequest.builder().tableName(TABLE_NAME).key(key).build();

        try {
            Map<String, AttributeValue> item = dynamoDbClient.getItem(request).item();
            if (item.isEmpty()) {
                return QueryTableResponse.builder().isReserved(false).build();
            }
            return QueryTableResponse.builder().name(item.get("name").s()).isReserved(true).build();
        } catch (Exception e) {
            System.out.println("Logger Exception : " + e);
            return QueryTableResponse.builder().isReserved(false).build();
        }
    }
}
