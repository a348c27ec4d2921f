package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.config;
import static io.github.pinterestpipeline.connect.s3.Records.utf8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The client against a server with faults that S3 cannot be made to have. */
class S3ObjectStoreTest {
  private static final int CUT = -1;
  private static final int STORE_AND_CUT = -2;

  private final Queue<Integer> faults = new ArrayDeque<>();
  private final Map<String, String> objects = new ConcurrentHashMap<>();
  private final List<String> requests = new ArrayList<>();
  private byte[] received;
  private Headers headers;
  private HttpServer server;
  private S3ObjectStore store;

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.start();
    store = store(0, true);
  }

  private S3ObjectStore store(int retries, boolean signsPayload) {
    return new S3ObjectStore(
        new S3SinkConfig(
            config(
                "s3.payload.signing.enabled", Boolean.toString(signsPayload),
                "store.url", "http://127.0.0.1:" + server.getAddress().getPort(),
                "s3.part.retries", Integer.toString(retries),
                "aws.access.key.id", "key",
                "aws.secret.access.key", "secret")));
  }

  @AfterEach
  void stop() {
    store.close();
    server.stop(0);
  }

  private synchronized void handle(HttpExchange exchange) throws IOException {
    received = exchange.getRequestBody().readAllBytes();
    headers = exchange.getRequestHeaders();
    String method = exchange.getRequestMethod();
    String path = exchange.getRequestURI().getPath();
    requests.add(method + " " + exchange.getRequestURI());
    int fault = Objects.requireNonNullElse(faults.poll(), 0);
    if (fault == CUT || fault > 0) {
      if (fault > 0) {
        exchange.sendResponseHeaders(fault, -1);
      }
      exchange.close();
      return;
    }
    int status = 200;
    String body = "";
    switch (method) {
      case "PUT" -> {
        assertEquals("*", headers.getFirst("If-None-Match"));
        String next = headers.getFirst("x-amz-meta-next-offset");
        status = objects.putIfAbsent(path, next) == null ? 200 : 412;
      }
      case "HEAD" -> {
        exchange.getResponseHeaders().add("x-amz-meta-next-offset", objects.get(path));
        exchange.getResponseHeaders().add("x-amz-meta-first-timestamp", "5");
        exchange.getResponseHeaders().add("x-amz-meta-writer", "me");
      }
      default -> {
        boolean second = exchange.getRequestURI().getQuery().contains("continuation-token");
        body =
            "<ListBucketResult>"
                + (second ? "" : "<NextContinuationToken>t</NextContinuationToken>")
                + "<IsTruncated>" + !second + "</IsTruncated>"
                + "<Contents><Key>" + (second ? "b" : "a") + "</Key></Contents>"
                + "</ListBucketResult>";
      }
    }
    if (fault != STORE_AND_CUT) {
      byte[] bytes = utf8(body);
      exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
      exchange.getResponseBody().write(bytes);
    }
    exchange.close();
  }

  private static LineBuffer lines() {
    LineBuffer lines = new LineBuffer();
    new JsonLine().append(lines, null, "text");
    return lines;
  }

  private static final ObjectMark MARK = new ObjectMark(9, 5, "me");

  @Test
  void storesOnceAndReadsTheMark() {
    assertTrue(store.putIfAbsent("a+b", lines(), MARK));
    assertFalse(store.putIfAbsent("a+b", lines(), MARK));
    assertEquals(MARK, store.mark("a+b"));
    assertEquals("PUT /user-0a1b2c3d4e5f-bucket/a%2Bb", requests.get(0));
  }

  @Test
  void signsTheBytesOverPlainHttpUnlessConfiguredOtherwise() throws GeneralSecurityException {
    store.putIfAbsent("signed", lines(), MARK);
    assertEquals(
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", headers.getFirst("x-amz-content-sha256"));
    try (S3ObjectStore unsigned = store(0, false)) {
      unsigned.putIfAbsent("unsigned+1", lines(), MARK);
    }
    assertEquals("UNSIGNED-PAYLOAD", headers.getFirst("x-amz-content-sha256"));
    assertEquals("\"text\"\n", new String(received, StandardCharsets.UTF_8)); // not in chunks
    assertEquals(lines().checksum(), headers.getFirst("x-amz-checksum-crc32"));
    String path = "/user-0a1b2c3d4e5f-bucket/unsigned%2B1";
    assertEquals(
        signature("PUT", path, "secret"), part(headers, "Signature="));
  }

  @Test
  void listsAllPages() {
    List<String> keys = new ArrayList<>();
    store.eachKey("topics/", "topics/x", keys::add);
    assertEquals(List.of("a", "b"), keys);
    assertTrue(requests.get(0).contains("start-after=topics%2Fx"), requests.get(0));
  }

  @ParameterizedTest
  @CsvSource({
    "500, false", "503, false", "429, false", "409, false", CUT + ", false",
    "403, true", "404, true", "400, true",
  })
  void distinguishesARefusalFromAnOutage(int fault, boolean refused) {
    faults.add(fault);
    StoreException failure =
        assertThrows(StoreException.class, () -> store.putIfAbsent("key", lines(), MARK));
    assertEquals(refused, failure.isRefused());
    assertTrue(failure.getMessage().startsWith("can't store key in bucket user-"));
  }

  @Test
  void anUnreachableServerIsAnOutage() {
    server.stop(0);
    StoreException failure = assertThrows(StoreException.class, () -> store.mark("key"));
    assertFalse(failure.isRefused());
  }

  @Test
  void aRetryAfterALostAnswerFindsTheKeyTaken() {
    faults.add(STORE_AND_CUT);
    try (S3ObjectStore retrying = store(1, true)) {
      // The writer then reads the mark and finds its own name.
      assertFalse(retrying.putIfAbsent("key", lines(), MARK));
      assertEquals(MARK, retrying.mark("key"));
    }
  }

  /** Returns the signature that the request should have. */
  private String signature(String method, String path, String secret)
      throws GeneralSecurityException {
    StringBuilder canonical = new StringBuilder(method + "\n" + path + "\n\n");
    String names = part(headers, "SignedHeaders=");
    for (String name : names.split(";")) {
      canonical.append(name).append(':').append(headers.getFirst(name).trim()).append('\n');
    }
    canonical.append('\n').append(names).append('\n');
    canonical.append(headers.getFirst("x-amz-content-sha256"));
    String scope = part(headers, "Credential=").replaceFirst("[^/]*/", "");
    String toSign =
        String.join(
            "\n",
            "AWS4-HMAC-SHA256", headers.getFirst("x-amz-date"), scope, sha256(canonical.toString()));
    byte[] key = utf8("AWS4" + secret);
    for (String step : List.of(scope.split("/"))) {
      key = hmac(key, step);
    }
    return HexFormat.of().formatHex(hmac(key, toSign));
  }

  private static String part(Headers headers, String name) {
    String given = headers.getFirst("Authorization");
    return given.substring(given.indexOf(name) + name.length()).split(",")[0];
  }

  private static String sha256(String text) throws GeneralSecurityException {
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(utf8(text)));
  }

  private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(utf8(text));
  }
}
