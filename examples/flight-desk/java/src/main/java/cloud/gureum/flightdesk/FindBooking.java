package cloud.gureum.flightdesk;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/** Finds the booking of the caller: the function that the contact flow invokes. */
public final class FindBooking implements RequestHandler<Map<String, Object>, Answer> {
    private static final String TABLE = System.getenv().getOrDefault("TABLE_NAME", "FlightBookings");

    /** Plays a slow back end, so that the error branch of the flow can be tried. */
    private static final long DELAY_MS = Long.parseLong(System.getenv().getOrDefault("DELAY_MS", "0"));

    // Made once for each sandbox, not once for each call.
    private final DynamoDbClient db =
            DynamoDbClient.builder().httpClient(UrlConnectionHttpClient.create()).build();

    @Override
    public Answer handleRequest(Map<String, Object> event, Context context) {
        Map<?, ?> details = (Map<?, ?>) event.get("Details");
        Map<?, ?> contact = (Map<?, ?>) details.get("ContactData");
        Map<?, ?> parameters = (Map<?, ?>) details.get("Parameters");
        delay();
        String bookingNo = (String) parameters.get("bookingNo");
        List<Map<String, AttributeValue>> found =
                bookingNo != null && !bookingNo.isEmpty()
                        ? byBookingNo(bookingNo)
                        : byPhoneNumber(callerNumber(contact, parameters));
        Answer answer = Booking.mostUrgent(found).map(Answer::about).orElseGet(Answer::unknown);
        context.getLogger().log("contact " + contact.get("ContactId") + ": " + found.size()
                + " bookings, answer " + answer.getStatus() + "\n");
        return answer;
    }

    private static String callerNumber(Map<?, ?> contact, Map<?, ?> parameters) {
        if (parameters.get("customerNumber") instanceof String number) {
            return number;
        }
        return contact.get("CustomerEndpoint") instanceof Map<?, ?> endpoint ? (String) endpoint.get("Address") : "";
    }

    private static void delay() {
        try {
            Thread.sleep(DELAY_MS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private List<Map<String, AttributeValue>> byPhoneNumber(String phoneNumber) {
        if (phoneNumber == null || phoneNumber.isEmpty()) {
            return List.of(); // The caller withheld the number.
        }
        return db
                .queryPaginator(query -> query.tableName(TABLE)
                        .keyConditionExpression("phoneNumber = :phoneNumber")
                        .expressionAttributeValues(Map.of(":phoneNumber", AttributeValue.fromS(phoneNumber))))
                .items().stream().toList();
    }

    private List<Map<String, AttributeValue>> byBookingNo(String bookingNo) {
        return db
                .scanPaginator(scan -> scan.tableName(TABLE)
                        .filterExpression("bookingNo = :bookingNo")
                        .expressionAttributeValues(Map.of(":bookingNo", AttributeValue.fromS(bookingNo))))
                .items().stream().toList();
    }
}
