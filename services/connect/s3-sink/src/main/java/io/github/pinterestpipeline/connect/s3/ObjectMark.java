package io.github.pinterestpipeline.connect.s3;

import java.util.Map;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * The metadata of an object, from which a task resumes.
 *
 * @param nextOffset the offset after that of its last record
 * @param firstTimestamp the timestamp of its first record; -1 if the record has none
 * @param writer the task that stored it
 */
record ObjectMark(long nextOffset, long firstTimestamp, String writer) {
  private static final String NEXT_OFFSET = "next-offset";
  private static final String FIRST_TIMESTAMP = "first-timestamp";
  private static final String WRITER = "writer";

  Map<String, String> toMetadata() {
    return Map.of(
        NEXT_OFFSET, Long.toString(nextOffset),
        FIRST_TIMESTAMP, Long.toString(firstTimestamp),
        WRITER, writer);
  }

  /**
   * @throws ConnectException the object has no such metadata: another program wrote it
   */
  static ObjectMark of(String key, Map<String, String> metadata) {
    try {
      return new ObjectMark(
          Long.parseLong(metadata.get(NEXT_OFFSET)),
          Long.parseLong(metadata.get(FIRST_TIMESTAMP)),
          metadata.getOrDefault(WRITER, ""));
    } catch (NumberFormatException e) {
      throw new ConnectException(
          "object " + key + " was not written by this connector: its metadata has no "
              + NEXT_OFFSET + ", so its end is unknown. Move it away, or set another "
              + S3SinkConfig.TOPICS_DIR,
          e);
    }
  }
}
