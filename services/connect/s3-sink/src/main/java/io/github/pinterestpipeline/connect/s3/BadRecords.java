package io.github.pinterestpipeline.connect.s3;

import java.util.Map;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Handles records that cannot be stored, by Connect's {@code errors.tolerance}: with {@code none} they
 * fail the task, with {@code all} they go to the dead-letter topic, if one is configured.
 */
final class BadRecords {
  private static final Logger LOG = LoggerFactory.getLogger(BadRecords.class);

  private final boolean tolerated;
  private final boolean ignoresNullValues;
  private final ErrantRecordReporter reporter;

  /**
   * @param properties the connector's configuration
   * @param reporter sends records to the dead-letter topic; null if none is configured
   */
  BadRecords(
      Map<String, String> properties, boolean ignoresNullValues, ErrantRecordReporter reporter) {
    this.tolerated = "all".equalsIgnoreCase(properties.get("errors.tolerance"));
    this.ignoresNullValues = ignoresNullValues;
    this.reporter = reporter;
  }

  /**
   * Handles a record without a value.
   *
   * @throws DataException such records are not ignored, and bad records are not tolerated
   */
  void takeNullValue(SinkRecord record) {
    if (!ignoresNullValues) {
      take(record, new DataException("it has no value"));
    }
  }

  /**
   * Handles a record that cannot be stored.
   *
   * @throws DataException bad records are not tolerated
   */
  void take(SinkRecord record, DataException reason) {
    String message =
        "record " + record.originalTopic() + "-" + record.originalKafkaPartition() + "-"
            + record.originalKafkaOffset() + " can't be stored: " + reason.getMessage();
    if (!tolerated) {
      throw new DataException(message, reason);
    }
    if (reporter == null) {
      LOG.warn("{}; it is left out, as no dead-letter topic is configured", message);
    } else {
      // Connect waits for the report before it commits the record's offset.
      reporter.report(record, new DataException(message, reason));
    }
  }
}
