package cloud.gureum.flightdesk;

/**
 * What the flow reads as {@code $.External.*}. The runtime serialises this class by its getters;
 * every member is a string and none is nested, because a STRING_MAP response has to be flat.
 */
public final class Answer {
    private final String status;
    private final Booking booking;

    private Answer(String status, Booking booking) {
        this.status = status;
        this.booking = booking;
    }

    /** The answer for a caller without a booking. */
    static Answer unknown() {
        return new Answer("UNKNOWN", new Booking("", "", "", "", "", "UNKNOWN", ""));
    }

    /** The answer for {@code booking}, in words a voice can read. */
    static Answer about(Booking booking) {
        return new Answer(booking.status(), booking);
    }

    public String getStatus() {
        return status;
    }

    public String getCustomerName() {
        return booking.customerName();
    }

    public String getBookingNo() {
        return booking.bookingNo();
    }

    public String getFlightNo() {
        return booking.flightNo();
    }

    public String getRoute() {
        return booking.route();
    }

    public String getDepartsAt() {
        return booking.departsAt().isEmpty() ? "" : SpokenTime.of(booking.departsAt());
    }

    public String getRefundWon() {
        return booking.refundWon();
    }
}
