package cloud.gureum.flightdesk;

import java.time.LocalDateTime;

/** Times of day as a Korean voice reads them. */
final class SpokenTime {
    private SpokenTime() {}

    /** {@code 2026-12-03T09:05} as {@code 12월 3일 오전 9시 5분}. */
    static String of(String localTime) {
        LocalDateTime time = LocalDateTime.parse(localTime);
        String half = time.getHour() < 12 ? "오전" : "오후";
        int hour = time.getHour() % 12 == 0 ? 12 : time.getHour() % 12;
        String minutes = time.getMinute() == 0 ? "" : " " + time.getMinute() + "분";
        return time.getMonthValue() + "월 " + time.getDayOfMonth() + "일 " + half + " " + hour + "시" + minutes;
    }
}
