/** A row of the table FlightBookings, as `table.json` declares it. */
export interface Booking {
  phoneNumber: string;
  bookingNo: string;
  customerName: string;
  flightNo: string;
  route: string;
  /** Local time of departure, `YYYY-MM-DDTHH:MM`. */
  departsAt: string;
  status: "CANCELLED" | "CONFIRMED";
  refundWon?: number;
}

/**
 * What the flow reads as `$.External.*`. Every member is a string and none is
 * nested: a STRING_MAP response has to be flat.
 */
export interface Answer {
  status: "CANCELLED" | "CONFIRMED" | "UNKNOWN";
  customerName?: string;
  bookingNo?: string;
  flightNo?: string;
  route?: string;
  departsAt?: string;
  refundWon?: string;
}

/** The booking a caller most likely calls about: a cancelled one first, then the earliest departure. */
export function mostUrgent(bookings: Booking[]): Booking | undefined {
  const rank = (booking: Booking) => (booking.status === "CANCELLED" ? 0 : 1);
  return bookings.toSorted(
    (a, b) => rank(a) - rank(b) || a.departsAt.localeCompare(b.departsAt),
  )[0];
}

/** The answer for `booking`, in words a voice can read. */
export function answer(booking: Booking | undefined): Answer {
  if (!booking) return { status: "UNKNOWN" };
  return {
    status: booking.status,
    customerName: booking.customerName,
    bookingNo: booking.bookingNo,
    flightNo: booking.flightNo,
    route: booking.route,
    departsAt: spokenTime(booking.departsAt),
    ...(booking.refundWon !== undefined && { refundWon: String(booking.refundWon) }),
  };
}

/** `2026-12-03T09:05` as `12월 3일 오전 9시 5분`. */
function spokenTime(localTime: string): string {
  const [, month, day, hour, minute] = /^\d{4}-(\d\d)-(\d\d)T(\d\d):(\d\d)$/.exec(localTime)?.map(Number) ?? [];
  if (month === undefined || day === undefined || hour === undefined || minute === undefined) {
    throw new Error(`departsAt is no local time: ${localTime}`);
  }
  const half = hour < 12 ? "오전" : "오후";
  const minutes = minute === 0 ? "" : ` ${minute}분`;
  return `${month}월 ${day}일 ${half} ${hour % 12 || 12}시${minutes}`;
}
