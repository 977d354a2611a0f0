package notes;

import lombok.Builder;
import lombok.Data;

/** What the contact flow reads. */
@Data
@Builder
public class ScanTableResponse {
    private Boolean isReserved;
    private String nickname;
    private String contactName;
    private String phoneNumber;
    private String flightNo;
}
