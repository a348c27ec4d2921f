package io.github.pinterestpipeline.connect.s3;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A bucket in memory, with the faults that a network adds. */
final class FakeStore implements ObjectStore {
  /** What becomes of a request to store an object. */
  enum Fault {
    /** It is never carried out. */
    LOST,
    /** It is carried out, but the answer doesn't arrive. */
    ANSWER_LOST,
    /** The caller gives up; it is carried out some time later. */
    LATE,
    /** The store says that it won't. */
    REFUSED
  }

  record Stored(String text, ObjectMark mark) {}

  final TreeMap<String, Stored> objects = new TreeMap<>();
  final Queue<Fault> faults = new ArrayDeque<>();
  final List<String> listedAfter = new ArrayList<>();
  private final Queue<Runnable> late = new ArrayDeque<>();

  @Override
  public boolean putIfAbsent(String key, LineBuffer lines, ObjectMark mark) {
    Stored object = new Stored(text(lines), mark);
    Fault fault = faults.poll();
    if (fault == Fault.LATE) {
      late.add(() -> objects.putIfAbsent(key, object));
    } else if (fault == null || fault == Fault.ANSWER_LOST) {
      boolean stored = objects.putIfAbsent(key, object) == null;
      if (fault == null) {
        return stored;
      }
    }
    throw new StoreException("no answer to " + key, fault == Fault.REFUSED, null);
  }

  @Override
  public ObjectMark mark(String key) {
    return objects.get(key).mark();
  }

  @Override
  public void eachKey(String prefix, String after, Consumer<String> action) {
    if (faults.peek() != null) {
      throw new StoreException("no list", faults.poll() == Fault.REFUSED, null);
    }
    listedAfter.add(after);
    objects.tailMap(after, false).keySet().stream().filter(k -> k.startsWith(prefix)).forEach(action);
  }

  @Override
  public void close() {}

  /** Carries out the oldest request that was late. */
  void carryOutLate() {
    if (!late.isEmpty()) {
      late.remove().run();
    }
  }

  static String text(LineBuffer lines) {
    return new String(lines.bytes(), StandardCharsets.UTF_8);
  }
}
