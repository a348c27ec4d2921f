package io.github.pinterestpipeline.connect.s3;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.kafka.common.config.ConfigValue;

/**
 * The checks beyond single properties: that they fit each other, and that each is known.
 *
 * <p>Connect itself ignores a property that nobody defines. A connector that was set up with {@code
 * s3.compresion.type} or with a feature that it lacks would then run, but
 * not as configured.
 */
final class PropertyChecks {
  /** Connect's own properties of a sink connector, whatever the connector. */
  private static final Set<String> CONNECT =
      Set.of(
          "name",
          "connector.class",
          "connector.plugin.version",
          "tasks.max",
          "tasks.max.enforce",
          "topics",
          "topics.regex",
          "config.action.reload",
          "key.converter",
          "value.converter",
          "header.converter",
          "transforms",
          "predicates",
          "errors.retry.timeout",
          "errors.retry.delay.max.ms",
          "errors.tolerance",
          "errors.log.enable",
          "errors.log.include.messages",
          "errors.deadletterqueue.topic.name",
          "errors.deadletterqueue.topic.replication.factor",
          "errors.deadletterqueue.context.headers.enable");

  /** Prefixes of properties that Connect passes on to other classes, which check them. */
  private static final List<String> CONNECT_PREFIXES =
      List.of(
          "key.converter.",
          "value.converter.",
          "header.converter.",
          "transforms.",
          "predicates.",
          "consumer.override.",
          "producer.override.",
          "admin.override.");

  private PropertyChecks() {}

  /**
   * Adds an error for each property that is unknown, or that contradicts another.
   *
   * @param given the connector's configuration
   * @param values the definition's result for each of its properties; an unknown property is added
   */
  static void check(Map<String, String> given, List<ConfigValue> values) {
    boolean hasKey = !text(given, S3SinkConfig.ACCESS_KEY).isEmpty();
    boolean hasSecret = !text(given, S3SinkConfig.SECRET_KEY).isEmpty();
    if (hasKey != hasSecret) {
      String missing = hasKey ? S3SinkConfig.SECRET_KEY : S3SinkConfig.ACCESS_KEY;
      String present = hasKey ? S3SinkConfig.ACCESS_KEY : S3SinkConfig.SECRET_KEY;
      refuse(values, missing, missing + " is not set, but " + present + " is; set both or neither");
    }
    if (isPositive(text(given, S3SinkConfig.SCHEDULE_INTERVAL))
        && text(given, S3SinkConfig.TIMEZONE).isEmpty()) {
      refuse(
          values,
          S3SinkConfig.TIMEZONE,
          S3SinkConfig.TIMEZONE + " is needed by " + S3SinkConfig.SCHEDULE_INTERVAL
              + ", whose intervals count from midnight; set one such as UTC");
    }
    if (text(given, "value.converter").equals(JsonLineConverter.class.getName())) {
      given.forEach((name, type) -> checkTransform(values, name, type));
    }
    given.keySet().stream().filter(name -> !isKnown(name)).sorted().forEach(
        name ->
            refuse(
                values,
                name,
                "this connector does not support " + name + "; remove it from the configuration"));
  }

  /** Refuses Connect's transforms of values, and others with such names: they fail on every record. */
  private static void checkTransform(List<ConfigValue> values, String name, String type) {
    if (name.startsWith("transforms.") && name.endsWith(".type")
        && (type.endsWith("$Value") || type.endsWith(".ValueToKey"))) {
      refuse(
          values,
          name,
          type + " needs values with fields; set value.converter to "
              + "org.apache.kafka.connect.json.JsonConverter");
    }
  }

  private static boolean isKnown(String name) {
    return S3SinkConfig.DEFINITION.names().contains(name)
        || CONNECT.contains(name)
        || CONNECT_PREFIXES.stream().anyMatch(name::startsWith);
  }

  private static void refuse(List<ConfigValue> values, String name, String message) {
    values.stream()
        .filter(value -> value.name().equals(name))
        .findFirst()
        .orElseGet(
            () -> {
              ConfigValue value = new ConfigValue(name);
              values.add(value);
              return value;
            })
        .addErrorMessage(message);
  }

  private static String text(Map<String, String> given, String name) {
    return Objects.requireNonNullElse(given.get(name), "").trim();
  }

  private static boolean isPositive(String number) {
    try {
      return Long.parseLong(number) > 0;
    } catch (NumberFormatException e) {
      return false; // the definition reports the error
    }
  }
}
