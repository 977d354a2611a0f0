package cloud.gureum.notes;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.time.Instant;
import java.util.Map;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;

/** The same with the SDK's object mapper, which looks at classes by reflection. */
public final class Mapped implements RequestHandler<Map<String, String>, Mapped.Note> {
    private final DynamoDbTable<Note> table = DynamoDbEnhancedClient.builder()
            .dynamoDbClient(DynamoDbClient.builder().httpClient(UrlConnectionHttpClient.create()).build())
            .build()
            .table(System.getenv("TABLE_NAME"), TableSchema.fromBean(Note.class));

    @Override
    public Note handleRequest(Map<String, String> event, Context context) {
        if ("POST".equals(event.get("method"))) {
            Note note = new Note();
            note.setId(event.get("id"));
            note.setText(event.get("text"));
            note.setCreatedAt(Instant.now().toString());
            table.putItem(note);
            return note;
        }
        return table.getItem(Key.builder().partitionValue(event.get("id")).build());
    }

    /** An item of the table. */
    @DynamoDbBean
    public static final class Note {
        private String id;
        private String text;
        private String createdAt;

        @DynamoDbPartitionKey
        public String getId() {
            return id;
        }

        public void setId(String id) {
            this.id = id;
        }

        public String getText() {
            return text;
        }

        public void setText(String text) {
            this.text = text;
        }

        public String getCreatedAt() {
            return createdAt;
        }

        public void setCreatedAt(String createdAt) {
            this.createdAt = createdAt;
        }
    }
}
