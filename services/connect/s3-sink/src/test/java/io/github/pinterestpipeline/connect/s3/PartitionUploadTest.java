package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.pinterestpipeline.connect.s3.FakeStore.Fault;
import java.util.ArrayDeque;
import java.util.OptionalLong;
import java.util.Queue;
import org.junit.jupiter.api.Test;

/** An object is stored while its writer fills the next one. */
class PartitionUploadTest extends OnePartition {
  private final Queue<Runnable> begun = new ArrayDeque<>();

  @Test
  void goesOnFillingWhileAnObjectIsStored() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    writer.add(record(0), false);
    writer.add(record(1), false);
    writer.add(record(2), false);
    assertTrue(store.objects.isEmpty());
    assertEquals(OptionalLong.of(0), writer.committable(3)); // nothing is stored yet
    begun.remove().run();
    writer.cutIfDue();
    stored(0, "0\n1\n", 2);
    assertEquals(OptionalLong.of(2), writer.committable(3));
  }

  @Test
  void storesAnObjectOnlyWhenTheOneBeforeItIs() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    for (long offset = 0; offset < 4; offset++) {
      writer.add(record(offset), false);
    }
    stored(0, "0\n1\n", 2); // its turn came with the next one's
    assertEquals(1, store.objects.size());
    begun.forEach(Runnable::run); // the first has nothing to do any more
    writer.cutIfDue();
    stored(2, "2\n3\n", 4);
    assertEquals(OptionalLong.of(4), writer.committable(4));
  }

  @Test
  void anObjectThatFailedOnItsWayIsStoredBeforeAnythingElse() {
    uploader = begun::add;
    PartitionWriter writer = writer(2);
    writer.add(record(0), false);
    writer.add(record(1), false);
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
    for (long offset = 0; offset < 5; offset++) {
      slow.add(record(offset), false);
    }
    uploader = Runnable::run;
    PartitionWriter quick = writer(2);
    quick.add(record(0), false);
    quick.add(record(1), false);
    slow.cutIfDue();
    assertEquals(OptionalLong.empty(), slow.takeJump()); // its own is still on its way
    begun.remove().run();
    slow.cutIfDue();
    assertEquals(OptionalLong.of(2), slow.takeJump());
    assertEquals(OptionalLong.of(2), slow.committable(5));
    slow.add(record(2), false);
    slow.add(record(3), false);
    slow.add(record(4), false);
    begun.remove().run();
    stored(0, "0\n1\n", 2);
    stored(2, "2\n3\n4\n", 5);
  }
}
