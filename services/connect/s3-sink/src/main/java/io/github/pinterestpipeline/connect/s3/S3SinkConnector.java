package io.github.pinterestpipeline.connect.s3;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/**
 * Kafka Connect sink that stores the records of its topics in S3 as JSON lines, each record exactly
 * once.
 *
 * <p>It has the property names of Confluent's S3 sink, so that a configuration of that sink works when
 * {@code connector.class} is changed. Validation refuses properties that it does not support.
 */
public final class S3SinkConnector extends SinkConnector {
  /** The version of this plugin, from its jar's manifest. */
  static final String VERSION =
      Objects.requireNonNullElse(
          S3SinkConnector.class.getPackage().getImplementationVersion(), "unpackaged");

  private Map<String, String> properties = Map.of();

  @Override
  public String version() {
    return VERSION;
  }

  @Override
  public ConfigDef config() {
    return S3SinkConfig.DEFINITION;
  }

  @Override
  public Config validate(Map<String, String> given) {
    List<ConfigValue> values = new ArrayList<>(super.validate(given).configValues());
    PropertyChecks.check(given, values);
    return new Config(values);
  }

  @Override
  public void start(Map<String, String> given) {
    new S3SinkConfig(given); // refuses a wrong value before any task starts
    properties = Map.copyOf(given);
  }

  @Override
  public Class<? extends Task> taskClass() {
    return S3SinkTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    return Collections.nCopies(maxTasks, properties);
  }

  @Override
  public void stop() {}
}
