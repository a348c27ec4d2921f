package io.github.pinterestpipeline.connect.s3;

import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;

/**
 * The conditions under which an object is complete. Times are milliseconds; below 1 means no limit.
 *
 * @param records the greatest number of records of an object
 * @param bytes the size at which an object is cut
 * @param interval the longest time that an object spans
 * @param schedule objects are cut at each multiple of this time after midnight
 * @param zone time zone of that midnight
 */
record CutRule(int records, int bytes, long interval, long schedule, ZoneId zone) {
  /** Returns whether an object of that many records and bytes is full. */
  boolean isFull(int heldRecords, int heldBytes) {
    return heldRecords >= records || heldBytes >= bytes;
  }

  /** Returns whether a record is too late for an object whose first record has the time {@code first}. */
  boolean isTooLate(long first, long timestamp) {
    return interval > 0 && timestamp - first >= interval;
  }

  /**
   * Returns the wall-clock time at which an object is cut even if no record arrives.
   *
   * @param opened the wall-clock time at which the object got its first record
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
