//! Says hello to whoever calls the API. The answer is an object, which the runtime makes JSON.
package helloworld;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

public class App implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        context.getLogger().log(event.get("httpMethod") + " " + event.get("path"));
        var message = "{\"message\": \"" + System.getenv("GREETING") + " from Java\"}";
        return Map.of("statusCode", 200, "body", message, "isBase64Encoded", false);
    }
}
