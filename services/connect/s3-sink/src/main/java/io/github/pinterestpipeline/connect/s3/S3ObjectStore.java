package io.github.pinterestpipeline.connect.s3;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.Supplier;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.S3ClientBuilder;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Request;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** An S3 bucket. */
final class S3ObjectStore implements ObjectStore {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration SOCKET_TIMEOUT = Duration.ofSeconds(30);

  /** Below Connect's max.poll.interval.ms (5 min), after which the task would lose its partitions. */
  private static final Duration CALL_TIMEOUT = Duration.ofMinutes(2);

  private static final int KEY_TAKEN = 412;
  private static final int CONFLICT = 409;
  private static final int TOO_MANY = 429;

  private final S3Client client;
  private final String bucket;

  S3ObjectStore(S3SinkConfig config) {
    bucket = config.getString(S3SinkConfig.BUCKET);
    int retries = config.getInt(S3SinkConfig.PART_RETRIES);
    S3ClientBuilder builder =
        S3Client.builder()
            .region(Region.of(config.getString(S3SinkConfig.REGION)))
            .forcePathStyle(config.getBoolean(S3SinkConfig.PATH_STYLE))
            // A body is sent at once: waiting for "100 Continue" doubles the round trips.
            .serviceConfiguration(service -> service.expectContinueEnabled(false))
            .overrideConfiguration(
                override ->
                    override
                        .apiCallTimeout(CALL_TIMEOUT)
                        .retryStrategy(retry -> retry.maxAttempts(retries + 1)))
            .httpClientBuilder(
                UrlConnectionHttpClient.builder()
                    .connectionTimeout(CONNECT_TIMEOUT)
                    .socketTimeout(SOCKET_TIMEOUT));
    config.endpoint().ifPresent(builder::endpointOverride);
    if (config.unsignedPayload()) {
      builder.putAuthScheme(new UnsignedPayload());
    }
    String key = config.getString(S3SinkConfig.ACCESS_KEY);
    if (!key.isEmpty()) {
      String secret = config.getPassword(S3SinkConfig.SECRET_KEY).value();
      builder.credentialsProvider(
          StaticCredentialsProvider.create(AwsBasicCredentials.create(key, secret)));
    }
    client = builder.build();
  }

  @Override
  public boolean putIfAbsent(String key, LineBuffer lines, ObjectMark mark) {
    PutObjectRequest request =
        PutObjectRequest.builder()
            .bucket(bucket)
            .key(key)
            .contentType("application/json")
            .metadata(mark.toMetadata())
            .ifNoneMatch("*")
            // Without it, the SDK computes a checksum while it sends, and sends the body in chunks.
            .checksumCRC32(lines.checksum())
            .build();
    RequestBody body =
        RequestBody.fromContentProvider(lines::open, lines.size(), request.contentType());
    return call(
        "store " + key,
        () -> {
          try {
            client.putObject(request, body);
            return true;
          } catch (S3Exception e) {
            if (e.statusCode() == KEY_TAKEN) {
              return false;
            }
            throw e;
          }
        });
  }

  @Override
  public ObjectMark mark(String key) {
    return ObjectMark.of(
        key,
        call(
            "read the metadata of " + key,
            () -> client.headObject(head -> head.bucket(bucket).key(key)).metadata()));
  }

  @Override
  public void eachKey(String prefix, String after, Consumer<String> action) {
    ListObjectsV2Request request =
        ListObjectsV2Request.builder().bucket(bucket).prefix(prefix).startAfter(after).build();
    call(
        "list " + prefix,
        () -> {
          client.listObjectsV2Paginator(request).contents().stream()
              .map(S3Object::key)
              .forEach(action);
          return null;
        });
  }

  @Override
  public void close() {
    client.close();
  }

  private <T> T call(String what, Supplier<T> action) {
    try {
      return action.get();
    } catch (SdkException e) {
      boolean refused = e instanceof S3Exception answer && isRefusal(answer.statusCode());
      String message = "can't " + what + " in bucket " + bucket + ": " + e.getMessage();
      throw new StoreException(message, refused, e);
    }
  }

  private static boolean isRefusal(int status) {
    return status >= 400 && status < 500 && status != CONFLICT && status != TOO_MANY;
  }
}
