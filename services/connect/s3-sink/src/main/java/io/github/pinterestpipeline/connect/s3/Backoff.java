package io.github.pinterestpipeline.connect.s3;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;

/** The delays between attempts while the store fails, and the limit on refusals. Times are milliseconds. */
final class Backoff {
  private final long first;
  private final long last;
  private final long refusedLimit;
  private long delay;
  private long refusedSince = -1;

  Backoff(long first, long last, long refusedLimit) {
    this.first = first;
    this.last = Math.max(first, last);
    this.refusedLimit = refusedLimit;
    this.delay = first;
  }

  /** The store works again. */
  void reset() {
    delay = first;
    refusedSince = -1;
  }

  /** Returns the time to wait before the next attempt; each call doubles it, up to the last. */
  long nextDelay() {
    long now = delay;
    delay = Math.min(last, delay * 2);
    return now;
  }

  /**
   * Returns the exception with which Connect delivers the same records again, or fails the task if the
   * store has refused for too long.
   *
   * @param now time of a monotonic clock
   */
  ConnectException of(StoreException failure, long now) {
    if (!failure.isRefused()) {
      refusedSince = -1;
    } else if (refusedSince < 0) {
      refusedSince = now;
    }
    if (!failure.isRefused() || now - refusedSince < refusedLimit) {
      return new RetriableException(failure.getMessage(), failure);
    }
    return new ConnectException(
        failure.getMessage() + " (tried again for " + refusedLimit + " ms: "
            + S3SinkConfig.REFUSED_RETRY + "). Nothing is lost: correct it and restart the task",
        failure);
  }
}
