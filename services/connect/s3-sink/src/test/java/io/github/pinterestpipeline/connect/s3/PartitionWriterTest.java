package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.pinterestpipeline.connect.s3.FakeStore.Fault;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.concurrent.Executor;
import java.util.stream.LongStream;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.Test;

/** The objects that a writer stores of one partition. */
class PartitionWriterTest {
  private final FakeStore store = new FakeStore();
  private final ObjectLayout layout = new ObjectLayout("topics", Records.TOPIC, 0, 10);
  private final Queue<Runnable> begun = new ArrayDeque<>();
  private long now = 5_000;
  private Executor uploader = Runnable::run;

  private PartitionWriter writer(int flushSize, long interval, int bytes, String errors) {
    return new PartitionWriter(
        layout,
        new PartitionWriter.Shared(
            store,
            new Uploads(store, uploader),
            new CutRule(flushSize, bytes, interval, -1, ZoneOffset.UTC),
            new BadRecords(Map.of("errors.tolerance", errors), false, null),
            new JsonLine(),
            "writer-" + flushSize,
            () -> now));
  }

  private PartitionWriter writer(int flushSize) {
    return writer(flushSize, -1, 1 << 20, "all");
  }

  /** Adds the records from one offset to another, that included. */
  private static void add(PartitionWriter writer, long first, long last) {
    LongStream.rangeClosed(first, last).forEach(offset -> writer.add(record(offset), false));
  }

  private void stored(long start, String text, long next) {
    FakeStore.StoredObject object = store.objects.get(layout.key(start));
    assertEquals(text, object.text());
    assertEquals(next, object.mark().nextOffset());
  }

  @Test
  void cutsByCountAndNamesByStartOffset() {
    PartitionWriter writer = writer(2);
    add(writer, 7, 11);
    assertEquals(
        List.of(
            "topics/id.pin/partition=0/id.pin+0+0000000007.json",
            "topics/id.pin/partition=0/id.pin+0+0000000009.json"),
        List.copyOf(store.objects.keySet()));
    stored(7, "7\n8\n", 9);
    stored(9, "9\n10\n", 11);
    assertEquals(OptionalLong.of(11), writer.committable(12)); // 11 is in the buffer
  }

  @Test
  void cutsByRecordTimeBeforeTheRecordThatIsTooLate() {
    PartitionWriter writer = writer(100, 500, 1 << 20, "all");
    writer.add(record(0, "a", 1000), false);
    writer.add(record(1, "b", 1499), false);
    writer.add(record(2, "c", 900), false); // older than the first: no reason to cut
    assertTrue(store.objects.isEmpty());
    writer.add(record(3, "d", 1500), false);
    stored(0, "\"a\"\n\"b\"\n\"c\"\n", 3);
    assertEquals(OptionalLong.of(3), writer.committable(4));
  }

  @Test
  void cutsByTheClockWhenNoRecordComes() {
    PartitionWriter writer = writer(100, 500, 1 << 20, "all");
    writer.add(record(0), false);
    assertEquals(5_500, writer.due());
    now = 5_499;
    writer.cutIfDue();
    assertTrue(store.objects.isEmpty());
    now = 5_500;
    writer.cutIfDue();
    stored(0, "0\n", 1);
    assertEquals(Long.MAX_VALUE, writer.due());
  }

  @Test
  void cutsBySize() {
    PartitionWriter writer = writer(100, -1, 4, "all");
    writer.add(record(0), false);
    writer.add(record(1), false); // "0\n1\n" is 4 bytes
    writer.add(record(2), false);
    stored(0, "0\n1\n", 2);
    assertEquals(1, store.objects.size());
  }

  @Test
  void aBatchThatIsRepeatedAfterAFailureAddsNothingTwice() {
    PartitionWriter writer = writer(2);
    store.faults.add(Fault.LOST);
    assertEquals(0, store.listedAfter.size());
    assertThrows(StoreException.class, () -> writer.add(record(0), false)); // can't list
    writer.add(record(0), true);
    store.faults.add(Fault.LOST);
    assertThrows(StoreException.class, () -> writer.add(record(1), true));
    assertEquals(OptionalLong.of(0), writer.committable(0));
    writer.add(record(0), true);
    assertEquals(OptionalLong.empty(), writer.committable(1)); // in the middle of the object
    stored(0, "0\n1\n", 2); // stored first of all
    writer.add(record(1), true);
    writer.add(record(2), true);
    assertEquals(1, store.objects.size());
    assertEquals(OptionalLong.of(2), writer.committable(3));
  }

  @Test
  void recognisesItsOwnObjectAfterALostAnswer() {
    PartitionWriter writer = writer(1);
    writer.add(record(0), false);
    store.faults.add(Fault.ANSWER_LOST);
    assertThrows(StoreException.class, () -> writer.add(record(1), false));
    writer.add(record(1), true);
    writer.add(record(2), true);
    assertEquals(OptionalLong.empty(), writer.takeJump());
    assertEquals(3, store.objects.size());
  }

  @Test
  void continuesAfterTheLastObject() {
    PartitionWriter first = writer(2);
    add(first, 0, 3);

    PartitionWriter second = writer(3);
    second.add(record(0), false); // the group has committed nothing
    second.add(record(1), false);
    assertEquals(OptionalLong.empty(), second.committable(1)); // in the middle of an object
    assertEquals(OptionalLong.of(4), second.takeJump());
    assertEquals(OptionalLong.empty(), second.takeJump());
    assertEquals(OptionalLong.empty(), second.committable(2)); // the consumer has not jumped yet
    assertEquals(OptionalLong.of(4), second.committable(4));
    add(second, 4, 6);
    stored(4, "4\n5\n6\n", 7);
  }

  @Test
  void listsOnlyFromThePositionOn() {
    PartitionWriter first = writer(1);
    add(first, 0, 4);
    PartitionWriter second = writer(3);
    second.add(record(5), false);
    assertEquals(
        "topics/id.pin/partition=0/id.pin+0+0000000005",
        store.listedAfter.get(store.listedAfter.size() - 1));
    assertEquals(OptionalLong.empty(), second.takeJump());
  }

  @Test
  void yieldsToAnotherWritersObject() {
    PartitionWriter slow = writer(3);
    slow.add(record(0), false);
    PartitionWriter quick = writer(2);
    add(quick, 0, 1);
    slow.add(record(1), false);
    slow.add(record(2), false); // 412: the other writer's object ends at 2
    slow.add(record(3), false); // dropped: it will be read again
    assertEquals(OptionalLong.of(2), slow.committable(4));
    assertEquals(OptionalLong.of(2), slow.takeJump());
    assertEquals(OptionalLong.of(2), slow.committable(4));
    add(slow, 2, 4);
    stored(0, "0\n1\n", 2);
    stored(2, "2\n3\n4\n", 5);
    assertEquals(OptionalLong.of(5), slow.committable(5));
  }

  @Test
  void aLatePutOfADeadTaskDuplicatesNothing() {
    PartitionWriter dead = writer(2);
    dead.add(record(0), false);
    store.faults.add(Fault.LATE);
    assertThrows(StoreException.class, () -> dead.add(record(1), false));

    PartitionWriter next = writer(3);
    next.add(record(0), false); // lists before the late put is executed
    store.executeLate();
    add(next, 1, 2);
    assertEquals(OptionalLong.of(2), next.takeJump());
    stored(0, "0\n1\n", 2);
    assertEquals(1, store.objects.size());
  }

  @Test
  void skipsBadRecords() {
    PartitionWriter writer = writer(2);
    writer.add(record(0, null, 0), false);
    assertEquals(OptionalLong.of(1), writer.committable(1));
    writer.add(record(1), false);
    writer.add(record(2, Double.NaN, 0), false);
    writer.add(record(3), false);
    stored(1, "1\n3\n", 4);
    assertEquals(OptionalLong.of(4), writer.committable(4));
  }

  @Test
  void aBadRecordFailsTheTaskByNameWhenNotTolerated() {
    PartitionWriter writer = writer(2, -1, 1 << 20, "none");
    DataException failure =
        assertThrows(DataException.class, () -> writer.add(record(3, null, 0), false));
    assertEquals("record id.pin-0-3 can't be stored: it has no value", failure.getMessage());
  }

  @Test
  void refusesATopicThatWasCreatedAgain() {
    writer(1).add(record(0, "old", 1), false);
    PartitionWriter writer = writer(2);
    ConnectException failure =
        assertThrows(ConnectException.class, () -> writer.add(record(0, "new", 2), false));
    assertTrue(failure.getMessage().contains("holds another record"), failure.getMessage());
  }

  @Test
  void refusesOffsetsThatGoBack() {
    PartitionWriter writer = writer(1);
    writer.add(record(5), false);
    ConnectException failure =
        assertThrows(ConnectException.class, () -> writer.add(record(0), false));
    assertTrue(failure.getMessage().contains("id.pin-0 is at 0"), failure.getMessage());
  }

  @Test
  void refusesAnObjectOfAnotherProgram() {
    assertThrows(ConnectException.class, () -> ObjectMark.of("key", Map.of()));
  }

  // An object is stored while its writer fills the next one.

  @Test
  void fillsTheNextObjectDuringAnUpload() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    add(writer, 0, 2);
    assertTrue(store.objects.isEmpty());
    assertEquals(OptionalLong.of(0), writer.committable(3)); // nothing is stored yet
    begun.remove().run();
    writer.cutIfDue();
    stored(0, "0\n1\n", 2);
    assertEquals(OptionalLong.of(2), writer.committable(3));
  }

  @Test
  void storesObjectsInOrder() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    add(writer, 0, 3);
    stored(0, "0\n1\n", 2); // its turn came with the next one's
    assertEquals(1, store.objects.size());
    begun.forEach(Runnable::run); // the first is already done
    writer.cutIfDue();
    stored(2, "2\n3\n", 4);
    assertEquals(OptionalLong.of(4), writer.committable(4));
  }

  @Test
  void repeatsAFailedUploadBeforeTheNext() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    add(writer, 0, 1);
    store.faults.add(Fault.LOST);
    begun.remove().run();
    assertThrows(StoreException.class, () -> writer.add(record(2), false));
    assertEquals(OptionalLong.of(0), writer.committable(2));
    store.faults.add(Fault.REFUSED);
    assertThrows(StoreException.class, writer::cutIfDue);
    writer.add(record(2), true);
    stored(0, "0\n1\n", 2);
    assertEquals(OptionalLong.of(2), writer.committable(3));
  }

  @Test
  void dropsWhatFollowsAnObjectWhoseNameIsTaken() {
    uploader = begun::add;
    PartitionWriter slow = writer(3);
    add(slow, 0, 4);
    uploader = Runnable::run;
    PartitionWriter quick = writer(2);
    add(quick, 0, 1);
    slow.cutIfDue();
    assertEquals(OptionalLong.empty(), slow.takeJump()); // its own upload has not ended
    begun.remove().run();
    slow.cutIfDue();
    assertEquals(OptionalLong.of(2), slow.takeJump());
    assertEquals(OptionalLong.of(2), slow.committable(5));
    add(slow, 2, 4);
    begun.remove().run();
    stored(0, "0\n1\n", 2);
    stored(2, "2\n3\n4\n", 5);
  }
}
