package io.github.pinterestpipeline.connect.s3;

import java.util.OptionalLong;

/**
 * The keys of one partition's objects: {@code
 * <dir>/<topic>/partition=<p>/<topic>+<p>+<start offset>.json}.
 *
 * @param width least number of digits of the offset
 */
record ObjectLayout(String directory, String topic, int partition, int width) {
  private static final String SUFFIX = ".json";

  /** Returns the prefix of the keys of all objects of the partition. */
  String prefix() {
    return directory + "/" + topic + "/partition=" + partition + "/" + topic + "+" + partition + "+";
  }

  /** Returns the key of the object whose first record has that offset. */
  String key(long startOffset) {
    return prefix() + padded(startOffset) + SUFFIX;
  }

  /** Returns the offset of an object's first record; empty if the key does not have this layout. */
  OptionalLong startOffset(String key) {
    if (!key.startsWith(prefix()) || !key.endsWith(SUFFIX)) {
      return OptionalLong.empty();
    }
    int end = key.length() - SUFFIX.length();
    try {
      return OptionalLong.of(Long.parseLong(key.substring(Math.min(prefix().length(), end), end)));
    } catch (NumberFormatException e) {
      return OptionalLong.empty();
    }
  }

  /**
   * Returns a text that sorts before the key of every object that starts at the offset or later.
   *
   * <p>Keys sort like numbers only while the offsets fit the padding. If an offset may exceed it, the
   * text is the prefix, which comes before all keys.
   */
  String before(long startOffset) {
    boolean sorted = Long.toString(startOffset).length() < width;
    return sorted ? prefix() + padded(startOffset) : prefix();
  }

  private String padded(long offset) {
    String digits = Long.toString(offset);
    return "0".repeat(Math.max(0, width - digits.length())) + digits;
  }
}
