package cloud.gureum.flightdesk;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A row of the table FlightBookings, as {@code table.json} declares it.
 *
 * @param departsAt local time of departure, {@code YYYY-MM-DDTHH:MM}
 * @param refundWon amount in won, empty when nothing is refunded
 */
record Booking(
        String bookingNo,
        String customerName,
        String flightNo,
        String route,
        String departsAt,
        String status,
        String refundWon) {

    /** A cancelled flight is more urgent than a confirmed one, an earlier more than a later. */
    private static final Comparator<Booking> URGENCY =
            Comparator.comparing((Booking booking) -> !booking.status().equals("CANCELLED"))
                    .thenComparing(Booking::departsAt);

    static Booking of(Map<String, AttributeValue> item) {
        return new Booking(
                item.get("bookingNo").s(),
                item.get("customerName").s(),
                item.get("flightNo").s(),
                item.get("route").s(),
                item.get("departsAt").s(),
                item.get("status").s(),
                item.containsKey("refundWon") ? item.get("refundWon").n() : "");
    }

    /** The booking a caller most likely calls about. */
    static Optional<Booking> mostUrgent(List<Map<String, AttributeValue>> items) {
        return items.stream().map(Booking::of).min(URGENCY);
    }
}
