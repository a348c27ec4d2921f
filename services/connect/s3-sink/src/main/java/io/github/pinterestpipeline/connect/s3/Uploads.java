package io.github.pinterestpipeline.connect.s3;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Stores a task's objects while the task fills the next ones: one at a time, so that a task has at most
 * one object more in memory than it has partitions.
 */
final class Uploads {
  private final ObjectStore store;
  private final Executor executor;
  private Upload last;
  private LineBuffer spare;

  /**
   * @param executor carries out one upload after the other
   */
  Uploads(ObjectStore store, Executor executor) {
    this.store = store;
    this.executor = executor;
  }

  /**
   * Begins to store an object as soon as the previous upload has ended.
   *
   * @param start the offset at which the object begins
   * @param lines not used elsewhere until the upload has ended
   */
  Upload begin(String key, long start, LineBuffer lines, ObjectMark mark) {
    if (last != null) {
      last.await();
    }
    last = new Upload(key, start, lines, mark);
    executor.execute(last.newAttempt());
    return last;
  }

  /** Returns an empty buffer, in place of one that is being stored. */
  LineBuffer takeBuffer() {
    LineBuffer buffer = spare == null ? new LineBuffer() : spare;
    spare = null;
    return buffer;
  }

  /** Returns the buffer of an upload that has ended, for the next object. */
  void giveBack(LineBuffer lines) {
    lines.clear();
    spare = lines;
  }

  /** An object that is being stored. Only the storing itself runs outside the task's thread. */
  final class Upload {
    final String key;
    final long start;
    final LineBuffer lines;
    final ObjectMark mark;
    private FutureTask<Boolean> attempt;

    private Upload(String key, long start, LineBuffer lines, ObjectMark mark) {
      this.key = key;
      this.start = start;
      this.lines = lines;
      this.mark = mark;
    }

    /** Returns whether {@link #finish} returns at once, or has failed and must be called again. */
    boolean isReady() {
      return attempt == null || attempt.isDone();
    }

    /** Waits until the attempt has ended, with or without success. */
    private void await() {
      if (attempt == null) {
        return;
      }
      try {
        result();
      } catch (ExecutionException e) {
        // finish() reports it
      }
    }

    /**
     * Waits for the result. After an exception, each call is another attempt.
     *
     * @return false if an object of that name exists
     * @throws StoreException the store does not answer, or refuses the request
     */
    boolean finish() {
      if (attempt == null) {
        newAttempt();
      }
      try {
        return result();
      } catch (ExecutionException e) {
        attempt = null;
        if (e.getCause() instanceof Error error) {
          throw error;
        }
        throw (RuntimeException) e.getCause();
      }
    }

    private FutureTask<Boolean> newAttempt() {
      attempt = new FutureTask<>(() -> store.putIfAbsent(key, lines, mark));
      return attempt;
    }

    /** Returns the result of the attempt, which this thread runs if no other has begun it. */
    private boolean result() throws ExecutionException {
      attempt.run();
      try {
        return attempt.get();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new ConnectException("interrupted while " + key + " was being stored", e);
      }
    }
  }
}
