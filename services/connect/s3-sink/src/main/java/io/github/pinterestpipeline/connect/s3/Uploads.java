package io.github.pinterestpipeline.connect.s3;

import java.util.concurrent.Executor;

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

  /** Begins to store an object, as soon as the one before it has ended. */
  Upload begin(String key, long start, LineBuffer lines, ObjectMark mark) {
    if (last != null) {
      last.await();
    }
    last = new Upload(store, key, start, lines, mark);
    last.begin(executor);
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
}
