package io.github.pinterestpipeline.connect.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.ZoneOffset;
import java.util.Map;
import java.util.concurrent.Executor;

/** One partition's objects in a store, for tests of its writers. */
abstract class OnePartition {
  final FakeStore store = new FakeStore();
  final ObjectLayout layout = new ObjectLayout("topics", Records.TOPIC, 0, 10);
  long now = 5_000;
  Executor uploader = Runnable::run;

  PartitionWriter writer(int flushSize, long interval, int bytes, String errors) {
    return new PartitionWriter(
        layout,
        store,
        new Uploads(store, uploader),
        new CutRule(flushSize, bytes, interval, -1, ZoneOffset.UTC),
        new BadRecords(Map.of("errors.tolerance", errors), false, null),
        new JsonLine(),
        "writer-" + flushSize,
        () -> now);
  }

  PartitionWriter writer(int flushSize) {
    return writer(flushSize, -1, 1 << 20, "all");
  }

  void stored(long start, String text, long next) {
    FakeStore.Stored object = store.objects.get(layout.key(start));
    assertEquals(text, object.text());
    assertEquals(next, object.mark().nextOffset());
  }
}
