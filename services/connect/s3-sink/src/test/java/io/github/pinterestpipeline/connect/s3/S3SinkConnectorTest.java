package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.config;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class S3SinkConnectorTest {
  private final S3SinkConnector connector = new S3SinkConnector();

  private Map<String, List<String>> errors(Map<String, String> config) {
    Map<String, List<String>> errors = new TreeMap<>();
    for (ConfigValue value : connector.validate(config).configValues()) {
      if (!value.errorMessages().isEmpty()) {
        errors.put(value.name(), value.errorMessages());
      }
    }
    return errors;
  }

  @Test
  void acceptsTheOriginalsConfiguration() {
    assertEquals(Map.of(), errors(config()));
    connector.start(config());
    assertEquals(List.of(config(), config(), config()), connector.taskConfigs(3));
  }

  @Test
  void acceptsConnectsOwnProperties() {
    assertEquals(
        Map.of(),
        errors(
            config(
                "name", "sink",
                "errors.tolerance", "all",
                "errors.deadletterqueue.topic.name", "dead-letter",
                "consumer.override.session.timeout.ms", "6000",
                "transforms", "drop",
                "transforms.drop.type", "Filter",
                "rotate.schedule.interval.ms", "60000",
                "timezone", "Europe/London",
                "store.url", "http://127.0.0.1:4566",
                "aws.access.key.id", "key",
                "aws.secret.access.key", "secret")));
  }

  @ParameterizedTest
  @CsvSource({
    "flush.size, 0",
    "flush.size, many",
    "rotate.interval.ms, 0",
    "rotate.interval.ms, 9223372036854775807",
    "rotate.interval.ms, 9223372036854775808",
    "s3.retry.backoff.ms, 9223372036854775807",
    "retry.backoff.ms, 86400001",
    "retry.backoff.ms, nan",
    "s3.refused.retry.ms, 9223372036854775807",
    "s3.refused.retry.ms, -1",
    "topics.dir, delta",
    "topics.dir, delta/batch",
    "rotate.schedule.interval.ms, -5",
    "s3.bucket.name, Not_A_Bucket",
    "s3.bucket.name, a..b",
    "s3.region, somewhere",
    "store.url, localhost:4566",
    "timezone, Mars",
    "topics.dir, /topics",
    "s3.part.size, 100",
    "filename.offset.zero.pad.width, 9",
    "filename.offset.zero.pad.width, 20",
    "format.class, io.confluent.connect.s3.format.avro.AvroFormat",
    "partitioner.class, io.confluent.connect.storage.partitioner.TimeBasedPartitioner",
    "s3.compression.type, gzip",
    "schema.compatibility, FULL",
    "behavior.on.null.values, write",
    // unknown: properties that only Confluent's connector has, and typing errors
    "path.format, YYYY",
    "s3.ssea.name, aws:kms",
    "store.kafka.keys, true",
    "flush.sise, 1",
    "errors.tolerence, all",
  })
  void namesTheRefusedProperty(String name, String value) {
    Map<String, List<String>> errors = errors(config(name, value));
    assertEquals(List.of(name), List.copyOf(errors.keySet()));
    assertTrue(errors.get(name).get(0).contains(name), errors.get(name).get(0));
  }

  @ParameterizedTest
  @CsvSource({
    "aws.access.key.id, key, aws.secret.access.key", "rotate.schedule.interval.ms, 60000, timezone",
  })
  void namesTheMissingHalfOfAPair(String name, String value, String missing) {
    assertEquals(List.of(missing), List.copyOf(errors(config(name, value)).keySet()));
  }

  @ParameterizedTest
  @CsvSource({
    "org.apache.kafka.connect.transforms.InsertField$Value, true",
    "org.apache.kafka.connect.transforms.ValueToKey, true",
    "org.apache.kafka.connect.transforms.InsertField$Key, false",
    "org.apache.kafka.connect.transforms.Filter, false",
  })
  void refusesTransformsThatReadTheFieldsOfAValue(String type, boolean refused) {
    Map<String, String> config = config("transforms", "t", "transforms.t.type", type);
    assertEquals(Map.of(), errors(config));
    config.put("value.converter", JsonLineConverter.class.getName());
    assertEquals(
        refused ? List.of("transforms.t.type") : List.of(), List.copyOf(errors(config).keySet()));
  }

  @Test
  void refusesAFolderWithWhichAKeyWouldBeTooLong() {
    assertEquals(Map.of(), errors(config("topics.dir", "d".repeat(440))));
    assertEquals(List.of("topics.dir"), List.copyOf(errors(config("topics.dir", "d".repeat(441))).keySet()));
  }

  @Test
  void refusesAPartOfMoreThanAQuarterOfTheHeap() {
    long most = Math.min(1 << 30, Runtime.getRuntime().maxMemory() / 4);
    assertEquals(Map.of(), errors(config("s3.part.size", String.valueOf(most))));
    assertEquals(
        List.of("s3.part.size"), List.copyOf(errors(config("s3.part.size", String.valueOf(most + 1))).keySet()));
  }

  @Test
  void refusesAWrongValueAtStartToo() {
    assertThrows(ConfigException.class, () -> connector.start(config("flush.size", "0")));
  }
}
