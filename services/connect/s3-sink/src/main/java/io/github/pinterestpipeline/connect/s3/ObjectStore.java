package io.github.pinterestpipeline.connect.s3;

import java.util.function.Consumer;

/** What the sink needs of S3. Every call can throw a {@link StoreException}. */
interface ObjectStore extends AutoCloseable {
  /**
   * Stores an object, whole or not at all, unless there is one of that key.
   *
   * @return false if there is one already; it stays as it is
   */
  boolean putIfAbsent(String key, LineBuffer lines, ObjectMark mark);

  /** Reads what an object says of itself. */
  ObjectMark mark(String key);

  /** Hands over every key that begins with {@code prefix} and sorts after {@code after}. */
  void eachKey(String prefix, String after, Consumer<String> action);

  @Override
  void close();
}
