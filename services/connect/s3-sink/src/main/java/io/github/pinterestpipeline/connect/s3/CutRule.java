package io.github.pinterestpipeline.connect.s3;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;

/**
 * When an object is complete. Times are milliseconds; an interval below 1 is none.
 *
 * @param records the most records of an object
 * @param bytes the size at which an object is cut
 * @param interval the longest time that an object spans
 * @param schedule objects are cut at each multiple of this time after midnight
 * @param zone where midnight is
 */
record CutRule(int records, int bytes, long interval, long schedule, ZoneId zone) {
  /** Whether an object of that many records and bytes takes no more. */
  boolean isFull(int heldRecords, int heldBytes) {
    return heldRecords >= records || heldBytes >= bytes;
  }

  /** Whether a record of time {@code timestamp} is too late for an object begun at {@code first}. */
  boolean isTooLate(long first, long timestamp) {
    return interval > 0 && timestamp - first >= interval;
  }

  /**
   * The time on the clock at which an object is cut even if no record comes.
   *
   * @param opened when the object got its first record, by the clock
   */
  long due(long opened) {
    long byInterval = interval > 0 ? opened + interval : Long.MAX_VALUE;
    return Math.min(byInterval, schedule > 0 ? nextScheduled(opened) : Long.MAX_VALUE);
  }

  private long nextScheduled(long time) {
    ZonedDateTime moment = Instant.ofEpochMilli(time).atZone(zone);
    long midnight = moment.toLocalDate().atStartOfDay(zone).toInstant().toEpochMilli();
    return midnight + ((time - midnight) / schedule + 1) * schedule;
  }
}
