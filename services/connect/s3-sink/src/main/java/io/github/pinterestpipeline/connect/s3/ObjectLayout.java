package io.github.pinterestpipeline.connect.s3;

import java.util.OptionalLong;

/**
 * The keys of one partition's objects: {@code
 * <dir>/<topic>/partition=<p>/<topic>+<p>+<start offset>.json}.
 *
 * @param width digits, at least, of the offset
 */
record ObjectLayout(String directory, String topic, int partition, int width) {
  private static final String SUFFIX = ".json";

  /** What the keys of all objects of the partition begin with. */
  String prefix() {
    return directory + "/" + topic + "/partition=" + partition + "/" + topic + "+" + partition + "+";
  }

  /** Key of the object whose first record has that offset. */
  String key(long startOffset) {
    return prefix() + padded(startOffset) + SUFFIX;
  }

  /** Offset of the first record of an object, or nothing when the key is not of this layout. */
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
   * A text that sorts before the key of every object that starts at the offset or later.
   *
   * <p>Keys sort like numbers only while the offsets fit the padding. Where they could be beyond it,
   * this is the prefix: all keys.
   */
  String before(long startOffset) {
    boolean sorted = width >= 10 && Long.toString(startOffset).length() < width;
    return sorted ? prefix() + padded(startOffset) : prefix();
  }

  private String padded(long offset) {
    String digits = Long.toString(offset);
    return "0".repeat(Math.max(0, width - digits.length())) + digits;
  }
}
