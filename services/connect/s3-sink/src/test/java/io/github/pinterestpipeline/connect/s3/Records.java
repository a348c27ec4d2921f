package io.github.pinterestpipeline.connect.s3;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records and configurations that the tests use. */
final class Records {
  static final String TOPIC = "id.pin";

  private Records() {}

  static SinkRecord record(long offset, Object value, long timestamp) {
    return new SinkRecord(
        TOPIC, 0, null, null, null, value, offset, timestamp, TimestampType.CREATE_TIME);
  }

  static SinkRecord record(long offset) {
    return record(offset, offset, 1000 + offset);
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** The original's 13 properties, and those given as pairs on top. */
  static Map<String, String> config(String... more) {
    Map<String, String> config = new HashMap<>();
    config.put("connector.class", S3SinkConnector.class.getName());
    config.put("s3.region", "us-east-1");
    config.put("flush.size", "1");
    config.put("schema.compatibility", "NONE");
    config.put("tasks.max", "3");
    config.put("topics.regex", "0a1b2c3d4e5f.*");
    config.put("format.class", "io.confluent.connect.s3.format.json.JsonFormat");
    config.put(
        "partitioner.class", "io.confluent.connect.storage.partitioner.DefaultPartitioner");
    config.put("value.converter.schemas.enable", "false");
    config.put("value.converter", "org.apache.kafka.connect.json.JsonConverter");
    config.put("storage.class", "io.confluent.connect.s3.storage.S3Storage");
    config.put("key.converter", "org.apache.kafka.connect.storage.StringConverter");
    config.put("s3.bucket.name", "user-0a1b2c3d4e5f-bucket");
    for (int i = 0; i < more.length; i += 2) {
      config.put(more[i], more[i + 1]);
    }
    return config;
  }
}
