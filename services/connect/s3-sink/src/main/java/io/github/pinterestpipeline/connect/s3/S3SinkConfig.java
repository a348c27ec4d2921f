package io.github.pinterestpipeline.connect.s3;

import java.net.URI;
import java.net.URISyntaxException;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.ValidString;
import org.apache.kafka.common.config.ConfigDef.Validator;
import org.apache.kafka.common.config.ConfigException;

/**
 * The connector's properties: those of Confluent's connector that are supported, with its defaults.
 *
 * <p>A property that names a class in Confluent's connector ({@code format.class} and the like) is only
 * a name here, with one valid value.
 */
final class S3SinkConfig extends AbstractConfig {
  static final String BUCKET = "s3.bucket.name";
  static final String REGION = "s3.region";
  static final String STORE_URL = "store.url";
  static final String PATH_STYLE = "s3.path.style.access.enabled";
  static final String ACCESS_KEY = "aws.access.key.id";
  static final String SECRET_KEY = "aws.secret.access.key";
  static final String CREDENTIALS_CLASS = "s3.credentials.provider.class";
  static final String SIGN_PAYLOAD = "s3.payload.signing.enabled";
  static final String FLUSH_SIZE = "flush.size";
  static final String ROTATE_INTERVAL = "rotate.interval.ms";
  static final String SCHEDULE_INTERVAL = "rotate.schedule.interval.ms";
  static final String TIMEZONE = "timezone";
  static final String LOCALE = "locale";
  static final String PART_SIZE = "s3.part.size";
  static final String PART_RETRIES = "s3.part.retries";
  static final String FIRST_BACKOFF = "s3.retry.backoff.ms";
  static final String LAST_BACKOFF = "retry.backoff.ms";
  static final String REFUSED_RETRY = "s3.refused.retry.ms";
  static final String TOPICS_DIR = "topics.dir";
  static final String OFFSET_WIDTH = "filename.offset.zero.pad.width";
  static final String NULL_VALUES = "behavior.on.null.values";

  private static final Pattern BUCKET_NAME =
      Pattern.compile("[a-z0-9]([a-z0-9-]|\\.(?!\\.)){1,61}[a-z0-9]");
  private static final Pattern REGION_NAME = Pattern.compile("[a-z]{2,}(-[a-z]+)+-[0-9]+");
  /** With two topics of 249 characters and the offset, a key has at most the 1,024 bytes of S3. */
  private static final Pattern DIRECTORY =
      Pattern.compile("(?=[ -~]{1,440}$)(?!delta(/|$))[^/]+(/[^/]+)*");

  private static final long DAY = 86_400_000L;
  private static final long YEAR = 366 * DAY;
  /** An object is held in memory, one for each partition that a task writes. */
  private static final int LARGEST_PART =
      (int) Math.max(5242880, Math.min(1 << 30, Runtime.getRuntime().maxMemory() / 4));

  static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(BUCKET, Type.STRING, ConfigDef.NO_DEFAULT_VALUE,
              matches(BUCKET_NAME, "a bucket's name: 3 to 63 of a-z, 0-9, '.' and '-'"),
              Importance.HIGH, "Bucket that takes the objects.")
          .define(REGION, Type.STRING, "us-west-2",
              matches(REGION_NAME, "a region such as us-east-1"),
              Importance.MEDIUM, "Region of the bucket.")
          .define(STORE_URL, Type.STRING, null, S3SinkConfig::checkUrl,
              Importance.LOW, "Endpoint of S3, if it is not the region's.")
          .define(PATH_STYLE, Type.BOOLEAN, true,
              Importance.LOW, "Whether the bucket is in the path of a request, not in its host name.")
          .define(ACCESS_KEY, Type.STRING, "",
              Importance.HIGH, "Access key. Default: the SDK's default chain of credentials.")
          .define(SECRET_KEY, Type.PASSWORD, "",
              Importance.HIGH, "Secret of the access key.")
          .define(SIGN_PAYLOAD, Type.BOOLEAN, true,
              Importance.LOW,
              "Whether an object's bytes are signed if store.url is plain HTTP. Signing takes more "
                  + "processor time than all else. Over HTTPS, TLS protects the bytes instead.")
          .define(FLUSH_SIZE, Type.INT, ConfigDef.NO_DEFAULT_VALUE, Range.atLeast(1),
              Importance.HIGH, "Number of records of an object.")
          .define(ROTATE_INTERVAL, Type.LONG, -1L, S3SinkConfig::checkInterval,
              Importance.HIGH,
              "Time in milliseconds, by the records' timestamps, that an object may span; an object "
                  + "that gets no more records is cut after that time. -1: no limit.")
          .define(SCHEDULE_INTERVAL, Type.LONG, -1L, S3SinkConfig::checkInterval,
              Importance.MEDIUM,
              "Objects are cut at each multiple of this time in milliseconds after midnight in the "
                  + "time zone. -1: never.")
          .define(TIMEZONE, Type.STRING, "", S3SinkConfig::checkZone,
              Importance.MEDIUM, "Time zone of the schedule, such as UTC or Europe/London.")
          .define(LOCALE, Type.STRING, "",
              Importance.LOW, "Not used: only partitioners by time need a locale.")
          .define(PART_SIZE, Type.INT, 26214400, Range.between(5242880, LARGEST_PART),
              Importance.HIGH,
              "Bytes at which an object is cut, however few records it has. It is held in memory "
                  + "and stored with one request.")
          .define(PART_RETRIES, Type.INT, 3, Range.between(0, 100),
              Importance.MEDIUM, "Number of immediate retries of a failed request.")
          .define(FIRST_BACKOFF, Type.LONG, 200L, Range.between(1L, DAY),
              Importance.LOW, "Milliseconds to wait after these have failed; the wait doubles each time,")
          .define(LAST_BACKOFF, Type.LONG, 5000L, Range.between(1L, DAY),
              Importance.LOW, "up to this one. Retries continue without end while S3 does not work.")
          .define(REFUSED_RETRY, Type.LONG, 300000L, Range.between(0L, YEAR),
              Importance.LOW,
              "Time in milliseconds after which a refusal (no such bucket, access denied) fails the "
                  + "task. Until then the request is repeated: credentials and buckets get corrected, and "
                  + "a local S3 starts without its bucket for a moment.")
          .define(TOPICS_DIR, Type.STRING, "topics",
              matches(DIRECTORY,
                  "a path of at most 440 ASCII characters, without a slash at its ends, and not in "
                      + "delta, the folder of the tables"),
              Importance.HIGH, "First part of the objects' keys.")
          .define(OFFSET_WIDTH, Type.INT, 10, Range.between(10, 19),
              Importance.LOW,
              "Least number of digits of the offset in an object's key. The batch job reads no keys with "
                  + "fewer than 10, and keys that do not sort by their offsets would all be listed at "
                  + "each start.")
          .define(NULL_VALUES, Type.STRING, "fail", ValidString.in("fail", "ignore"),
              Importance.LOW,
              "Whether a record without a value is a bad record, which errors.tolerance handles, or "
                  + "is ignored.")
          .define("storage.class", Type.STRING, "io.confluent.connect.s3.storage.S3Storage",
              ValidString.in("io.confluent.connect.s3.storage.S3Storage"),
              Importance.HIGH, "The one storage: S3.")
          .define("format.class", Type.STRING, "io.confluent.connect.s3.format.json.JsonFormat",
              ValidString.in("io.confluent.connect.s3.format.json.JsonFormat"),
              Importance.HIGH, "The one format: a JSON document a line.")
          .define("partitioner.class", Type.STRING,
              "io.confluent.connect.storage.partitioner.DefaultPartitioner",
              ValidString.in("io.confluent.connect.storage.partitioner.DefaultPartitioner"),
              Importance.HIGH, "The one partitioner: by topic and Kafka partition.")
          .define(CREDENTIALS_CLASS, Type.STRING,
              "com.amazonaws.auth.DefaultAWSCredentialsProviderChain",
              ValidString.in("com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
              Importance.LOW, "The only source of credentials in addition to the access key: the SDK's chain.")
          .define("schema.compatibility", Type.STRING, "NONE", ValidString.in("NONE"),
              Importance.HIGH, "Schemas are not compared: JSON needs none.")
          .define("s3.compression.type", Type.STRING, "none", ValidString.in("none"),
              Importance.LOW, "Objects are not compressed.")
          .define("directory.delim", Type.STRING, "/", ValidString.in("/"),
              Importance.LOW, "Separator of the folders of a key.")
          .define("file.delim", Type.STRING, "+", ValidString.in("+"),
              Importance.LOW, "Separator of topic, partition and offset in a key.");

  /**
   * @throws ConfigException a property is missing, or has an invalid value
   */
  S3SinkConfig(Map<String, String> properties) {
    super(DEFINITION, properties, false);
  }

  Optional<URI> endpoint() {
    return Optional.ofNullable(getString(STORE_URL)).filter(url -> !url.isEmpty()).map(URI::create);
  }

  /** Returns whether the bytes of an object are sent over plain HTTP without a signature. */
  boolean unsignedPayload() {
    return !getBoolean(SIGN_PAYLOAD)
        && endpoint().filter(url -> "http".equals(url.getScheme())).isPresent();
  }

  CutRule cutRule() {
    String zone = getString(TIMEZONE);
    return new CutRule(
        getInt(FLUSH_SIZE),
        getInt(PART_SIZE),
        getLong(ROTATE_INTERVAL),
        getLong(SCHEDULE_INTERVAL),
        ZoneId.of(zone.isEmpty() ? "UTC" : zone));
  }

  Backoff backoff() {
    return new Backoff(
        getLong(FIRST_BACKOFF), getLong(LAST_BACKOFF), getLong(REFUSED_RETRY));
  }

  ObjectLayout layout(String topic, int partition) {
    return new ObjectLayout(getString(TOPICS_DIR), topic, partition, getInt(OFFSET_WIDTH));
  }

  private static Validator matches(Pattern pattern, String what) {
    return (name, value) -> {
      if (value != null && !pattern.matcher((String) value).matches()) {
        throw new ConfigException(name, value, "it must be " + what);
      }
    };
  }

  private static void checkInterval(String name, Object value) {
    if (value != null && ((long) value < 1 || (long) value > YEAR) && (long) value != -1) {
      throw new ConfigException(
          name, value, "it must be a number of milliseconds from 1 to " + YEAR + ", or -1");
    }
  }

  private static void checkZone(String name, Object value) {
    try {
      if (value != null && !((String) value).isEmpty()) {
        ZoneId.of((String) value);
      }
    } catch (DateTimeException e) {
      throw new ConfigException(name, value, "it must be a time zone such as UTC");
    }
  }

  private static void checkUrl(String name, Object value) {
    if (value == null || ((String) value).isEmpty()) {
      return;
    }
    try {
      URI url = new URI((String) value);
      if (("http".equals(url.getScheme()) || "https".equals(url.getScheme()))
          && url.getHost() != null) {
        return;
      }
    } catch (URISyntaxException e) {
      // refused below
    }
    throw new ConfigException(name, value, "it must be a URL such as http://127.0.0.1:4566");
  }
}
