package notes;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import java.util.HashMap;
import java.util.Map;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.ScanRequest;
import software.amazon.awssdk.services.dynamodb.model.ScanResponse;

/** Looks for the booking of whoever calls: the event is one of Amazon Connect. */
public class ScanTable implements RequestHandler<Object, ScanTableResponse> {
    private static final Region REGION = Region.AP_NORTHEAST_2;
    private static final String TABLE_NAME = "sampleTable";

    private final Gson gson = new GsonBuilder().setPrettyPrinting().create();
    private final DynamoDbClient dynamoDbClient = DynamoDbClient.builder().region(REGION).build();

    @Override
    public ScanTableResponse handleRequest(Object input, Context context) {
        JsonObject details = gson.toJsonTree(input).getAsJsonObject().getAsJsonObject("Details");
        JsonObject contact = details.getAsJsonObject("ContactData");
        String nickname = details.getAsJsonObject("Parameters").get("nickname").getAsString();
        String contactName = contact.getAsJsonObject("Attributes").get("contactName").getAsString();
        String phoneNumber = contact.getAsJsonObject("CustomerEndpoint").get("Address").getAsString();
        ScanTableResponse.ScanTableResponseBuilder answer = ScanTableResponse.builder()
                .nickname(nickname)
                .contactName(contactName)
                .phoneNumber(phoneNumber);

        Map<String, AttributeValue> where = new HashMap<>();
        where.put(":phoneNumber", AttributeValue.builder().s(phoneNumber).build());
        ScanRequest request = ScanRequest.builder()
                .tableName(TABLE_NAME)
                .expressionAttributeValues(where)
                .filterExpression("phoneNumber = :phoneNumber")
                .build();
        try {
            ScanResponse response = dynamoDbClient.scan(request);
            return answer.isReserved(true).flightNo(response.items().get(0).get("flightNo").s()).build();
        } catch (Exception e) {
            System.out.println("Logger Exception : " + e);
            return answer.isReserved(false).build();
        }
    }
}
