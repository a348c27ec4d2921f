package io.github.pinterestpipeline.connect.s3;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Stores a task's objects while the task fills the next ones: one at a time, so that a task holds
 * one object more than it has partitions, and no more.
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
   * Begins to store an object, as soon as the one before it has ended.
   *
   * @param start the offset that the object begins at
   * @param lines nobody else's until the upload has ended
   */
  Upload begin(String key, long start, LineBuffer lines, ObjectMark mark) {
    if (last != null) {
      last.await();
    }
    last = new Upload(key, start, lines, mark);
    executor.execute(last.newAttempt());
    return last;
  }

  /** An empty buffer, in place of one that is being stored. */
  LineBuffer takeBuffer() {
    LineBuffer given = spare == null ? new LineBuffer() : spare;
    spare = null;
    return given;
  }

  /** Takes the buffer of an upload that has ended. */
  void giveBack(LineBuffer lines) {
    lines.clear();
    spare = lines;
  }

  /** An object that is on its way to the store. All but the storing is the task's own thread's. */
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

    /** Whether {@link #finish} needn't wait, or has failed and is to be called again. */
    boolean isReady() {
      return attempt == null || attempt.isDone();
    }

    /** Waits until the attempt has ended, however it does. */
    private void await() {
      if (attempt == null) {
        return;
      }
      try {
        answer();
      } catch (ExecutionException e) {
        // finish() tells
      }
    }

    /**
     * Waits for the answer. After an exception each call is one more attempt.
     *
     * @return false if there is an object of that name already
     * @throws StoreException there is no answer, or a refusal
     */
    boolean finish() {
      if (attempt == null) {
        newAttempt();
      }
      try {
        return answer();
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

    /** The attempt's; one that no thread has begun is made by this one. */
    private boolean answer() throws ExecutionException {
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
