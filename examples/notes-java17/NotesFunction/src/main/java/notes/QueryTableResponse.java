package notes;

import lombok.Builder;
import lombok.Data;

/** An object of one's own: the runtime makes JSON of it. */
@Data
@Builder
public class QueryTableResponse {
    private String name;
    private Boolean isReserved;
}
