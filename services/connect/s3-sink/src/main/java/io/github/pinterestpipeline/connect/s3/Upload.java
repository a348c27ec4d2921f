package io.github.pinterestpipeline.connect.s3;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.FutureTask;
import org.apache.kafka.connect.errors.ConnectException;

/** An object that is on its way to the store. All but the storing is the task's own thread's. */
final class Upload {
  private final ObjectStore store;
  private final String key;
  private final long start;
  private final LineBuffer lines;
  private final ObjectMark mark;
  private FutureTask<Boolean> attempt;

  /**
   * @param start the offset that the object begins at
   * @param lines nobody else's until the upload has ended
   */
  Upload(ObjectStore store, String key, long start, LineBuffer lines, ObjectMark mark) {
    this.store = store;
    this.key = key;
    this.start = start;
    this.lines = lines;
    this.mark = mark;
  }

  String key() {
    return key;
  }

  long start() {
    return start;
  }

  LineBuffer lines() {
    return lines;
  }

  ObjectMark mark() {
    return mark;
  }

  void begin(Executor executor) {
    executor.execute(newAttempt());
  }

  /** Whether {@link #finish} needn't wait, or has failed and is to be called again. */
  boolean isReady() {
    return attempt == null || attempt.isDone();
  }

  /** Waits until the attempt has ended, however it does. */
  void await() {
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
