package cloud.gureum.tests;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.ChecksumMode;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** The SDK for Java v2 puts, gets, lists, uploads in parts and signs ahead. */
class S3Test {
    private static final URI ENDPOINT = URI.create(System.getenv("GUREUM_ENDPOINT"));
    private static final StaticCredentialsProvider KEY =
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    private static final S3Client S3 = S3Client.builder()
            .endpointOverride(ENDPOINT)
            .region(Region.US_EAST_1)
            .credentialsProvider(KEY)
            .forcePathStyle(true)
            .build();
    private static final String BUCKET = "java-" + UUID.randomUUID();
    private static final byte[] DATA = new byte[6 << 20];

    @BeforeAll
    static void bucket() {
        S3.createBucket(r -> r.bucket(BUCKET));
        new Random(7).nextBytes(DATA);
    }

    private static byte[] get(String key) {
        // Checked against the sum that the answer carries.
        return S3.getObjectAsBytes(r -> r.bucket(BUCKET).key(key).checksumMode(ChecksumMode.ENABLED))
                .asByteArray();
    }

    @Test
    void objectsComeBackWithTheirSums() {
        for (ChecksumAlgorithm algorithm : List.of(
                ChecksumAlgorithm.CRC32, ChecksumAlgorithm.CRC32_C, ChecksumAlgorithm.SHA1, ChecksumAlgorithm.SHA256)) {
            String key = "sums/" + algorithm;
            S3.putObject(r -> r.bucket(BUCKET).key(key).checksumAlgorithm(algorithm), RequestBody.fromBytes(DATA));
            assertArrayEquals(DATA, get(key), key);
        }
        // A stream: signed in chunks, its sum in the trailer.
        InputStream stream = new ByteArrayInputStream(DATA);
        S3.putObject(r -> r.bucket(BUCKET).key("stream"), RequestBody.fromInputStream(stream, DATA.length));
        assertArrayEquals(DATA, get("stream"));
        assertThrows(NoSuchKeyException.class, () -> get("none"));
        S3Exception refused = assertThrows(S3Exception.class, () -> S3.putObject(
                r -> r.bucket(BUCKET).key("stream").ifNoneMatch("*"), RequestBody.fromString("again")));
        assertEquals(412, refused.statusCode());
        S3Exception wrong = assertThrows(S3Exception.class, () -> S3.putObject(
                r -> r.bucket(BUCKET).key("wrong").checksumCRC32("AAAAAA=="), RequestBody.fromBytes(DATA)));
        assertEquals("BadDigest", wrong.awsErrorDetails().errorCode());
    }

    @Test
    void keysOfAnyKindAreListedPageByPage() {
        List<String> keys = List.of("list/+ &?", "list/..", "list/../a", "list//b", "list/한국어");
        keys.forEach(key -> S3.putObject(r -> r.bucket(BUCKET).key(key), RequestBody.fromString(key)));
        List<String> listed = new ArrayList<>();
        S3.listObjectsV2Paginator(r -> r.bucket(BUCKET).prefix("list/").maxKeys(2)).contents().stream()
                .map(S3Object::key)
                .forEach(listed::add);
        assertEquals(keys, listed);
        keys.forEach(key -> assertEquals(key, new String(get(key), StandardCharsets.UTF_8)));
    }

    @Test
    void uploadsInPartsAreOneObject() {
        String id = S3.createMultipartUpload(r -> r.bucket(BUCKET).key("parts").checksumAlgorithm(ChecksumAlgorithm.SHA256))
                .uploadId();
        List<CompletedPart> parts = new ArrayList<>();
        for (int number = 1; number <= 2; number++) {
            int it = number;
            var part = S3.uploadPart(
                    r -> r.bucket(BUCKET).key("parts").uploadId(id).partNumber(it).checksumAlgorithm(ChecksumAlgorithm.SHA256),
                    RequestBody.fromBytes(DATA));
            parts.add(CompletedPart.builder().partNumber(it).eTag(part.eTag()).checksumSHA256(part.checksumSHA256()).build());
        }
        var done = S3.completeMultipartUpload(
                r -> r.bucket(BUCKET).key("parts").uploadId(id).multipartUpload(m -> m.parts(parts)));
        assertEquals("-2\"", done.eTag().substring(done.eTag().length() - 3));
        byte[] whole = get("parts");
        assertEquals(2 * DATA.length, whole.length);
    }

    @Test
    void theAsynchronousClientGoesInPartsByItself() {
        try (S3AsyncClient client = S3AsyncClient.builder()
                .endpointOverride(ENDPOINT)
                .region(Region.US_EAST_1)
                .credentialsProvider(KEY)
                .forcePathStyle(true)
                .multipartEnabled(true)
                .multipartConfiguration(c -> c.thresholdInBytes(5L << 20).minimumPartSizeInBytes(5L << 20))
                .build()) {
            var put = client.putObject(r -> r.bucket(BUCKET).key("async"), AsyncRequestBody.fromBytes(DATA)).join();
            assertNotNull(put.eTag());
            var got = client.getObject(r -> r.bucket(BUCKET).key("async"), AsyncResponseTransformer.toBytes()).join();
            assertArrayEquals(DATA, got.asByteArray());
        }
    }

    @Test
    void whatIsSignedAheadIsGoodForAnybody() throws Exception {
        try (S3Presigner presigner = S3Presigner.builder()
                .endpointOverride(ENDPOINT)
                .region(Region.US_EAST_1)
                .credentialsProvider(KEY)
                .serviceConfiguration(S3Configuration.builder().pathStyleAccessEnabled(true).build())
                .build()) {
            S3.putObject(r -> r.bucket(BUCKET).key("signed"), RequestBody.fromString("ahead"));
            var url = presigner.presignGetObject(
                    r -> r.signatureDuration(Duration.ofMinutes(5)).getObjectRequest(g -> g.bucket(BUCKET).key("signed"))).url();
            try (InputStream body = url.openStream()) {
                assertEquals("ahead", new String(body.readAllBytes(), StandardCharsets.UTF_8));
            }
            var other = (HttpURLConnection) URI.create(url.toString().replace("signed?", "parts?")).toURL().openConnection();
            assertEquals(403, other.getResponseCode());
        }
    }
}
