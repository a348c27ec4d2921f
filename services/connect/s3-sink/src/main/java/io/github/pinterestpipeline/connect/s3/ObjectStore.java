package io.github.pinterestpipeline.connect.s3;

import java.util.function.Consumer;

/** The operations of S3 that the sink needs. Every call can throw a {@link StoreException}. */
interface ObjectStore extends AutoCloseable {
  /**
   * Stores an object, whole or not at all, unless the key exists.
   *
   * @return false if the key exists; its object stays unchanged
   */
  boolean putIfAbsent(String key, LineBuffer lines, ObjectMark mark);

  /** Reads the metadata of an object. */
  ObjectMark mark(String key);

  /** Calls {@code action} with every key that begins with {@code prefix} and sorts after {@code after}. */
  void eachKey(String prefix, String after, Consumer<String> action);

  @Override
  void close();
}
