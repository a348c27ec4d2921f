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
  /** The fault of a request to store an object. */
  enum Fault {
    /** The request is never executed. */
    LOST,
    /** The request is executed, but the answer does not arrive. */
    ANSWER_LOST,
    /** The caller gives up; the request is executed later. */
    LATE,
    /** The store refuses the request. */
    REFUSED
  }

  record StoredObject(String text, ObjectMark mark) {}

  final TreeMap<String, StoredObject> objects = new TreeMap<>();
  final Queue<Fault> faults = new ArrayDeque<>();
  final List<String> listedAfter = new ArrayList<>();
  private final Queue<Runnable> late = new ArrayDeque<>();

  @Override
  public boolean putIfAbsent(String key, LineBuffer lines, ObjectMark mark) {
    StoredObject object = new StoredObject(text(lines), mark);
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

  /** Executes the oldest late request. */
  void executeLate() {
    if (!late.isEmpty()) {
      late.remove().run();
    }
  }

  static String text(LineBuffer lines) {
    return new String(lines.bytes(), StandardCharsets.UTF_8);
  }
}
