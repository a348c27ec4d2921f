package io.github.pinterestpipeline.connect.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.github.pinterestpipeline.connect.s3.FakeStore.Fault;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.TreeMap;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

/**
 * Tasks are killed, frozen and resumed at random, while requests or their answers are lost, or requests
 * are executed after the caller has given up: each record is stored once.
 */
class ExactlyOnceTest {
  private static final int RECORDS = 300;

  private final FakeStore store = new FakeStore();
  private final List<SinkRecord> log = new ArrayList<>();
  private final List<Life> zombies = new ArrayList<>();
  private Random random;
  private long now;
  private long committed;

  /** A task's view of the partition, from its start until it is killed. */
  private final class Life {
    private final PartitionWriter writer;
    private long position = committed;
    private List<SinkRecord> batch = List.of();
    private boolean again;
    private long reached;
    private final Queue<Runnable> uploads = new ArrayDeque<>();

    Life(int number) {
      writer =
          new PartitionWriter(
              new ObjectLayout("topics", Records.TOPIC, 0, 10),
              new PartitionWriter.Shared(
                  store,
                  new Uploads(store, random.nextBoolean() ? Runnable::run : uploads::add),
                  new CutRule(1 + random.nextInt(20), 1 << 20, 50, -1, ZoneOffset.UTC),
                  new BadRecords(Map.of("errors.tolerance", "all"), false, null),
                  new JsonLine(),
                  "life-" + number,
                  () -> now));
    }

    /** One round of Connect with a task: fetch, put, and sometimes commit. */
    void round(boolean mayCommit) {
      if (random.nextInt(3) == 0) {
        upload();
      }
      if (!again) {
        reached = Math.min(RECORDS, position + random.nextInt(30));
        batch = log.stream().filter(this::isFetched).toList();
      }
      try {
        batch.forEach(record -> writer.add(record, again));
        writer.cutIfDue();
        again = false;
        position = reached;
      } catch (StoreException e) {
        again = true;
      }
      if (mayCommit && random.nextInt(3) == 0) {
        writer.committable(position).ifPresent(offset -> committed = offset);
      }
      if (!again) {
        writer.takeJump().ifPresent(offset -> position = offset);
      }
    }

    /** One step of the upload thread. */
    void upload() {
      Runnable next = uploads.poll();
      if (next != null) {
        next.run();
      }
    }

    private boolean isFetched(SinkRecord record) {
      return record.kafkaOffset() >= position && record.kafkaOffset() < reached;
    }
  }

  @RepeatedTest(100)
  void eachRecordIsStoredOnce(RepetitionInfo repetition) {
    random = new Random(repetition.getCurrentRepetition());
    for (long offset = 0; offset < RECORDS; offset++) {
      if (random.nextInt(10) == 0) {
        continue; // compacted, of an aborted transaction, or not convertible
      }
      Object value = random.nextInt(10) == 0 ? null : offset;
      log.add(Records.record(offset, value, 1000 + offset));
    }
    Life owner = new Life(0);
    for (int step = 1; step < 250; step++) {
      now += random.nextInt(20);
      if (random.nextInt(4) == 0) {
        store.faults.add(Fault.values()[random.nextInt(Fault.values().length)]);
      }
      switch (random.nextInt(12)) {
        case 0 -> {
          if (random.nextBoolean()) {
            zombies.add(owner); // it has not noticed the rebalance
          }
          owner = new Life(step);
        }
        case 1, 2 -> store.executeLate();
        case 3, 4, 5 -> {
          if (!zombies.isEmpty()) {
            Life zombie = zombies.get(random.nextInt(zombies.size()));
            if (random.nextInt(4) == 0) {
              zombie.upload(); // while the task's thread is frozen
            } else {
              zombie.round(false);
            }
          }
        }
        default -> owner.round(true);
      }
    }
    store.faults.clear();
    for (int step = 0; step < 100; step++) {
      now += 60;
      store.executeLate();
      zombies.forEach(zombie -> zombie.round(false));
      owner.round(true);
    }
    Map<Long, Long> copies = new TreeMap<>();
    for (SinkRecord record : log) {
      if (record.value() != null) {
        copies.put(record.kafkaOffset(), 0L);
      }
    }
    store.objects.values().stream()
        .flatMap(object -> object.text().lines())
        .forEach(line -> copies.merge(Long.valueOf(line), 1L, Long::sum));
    copies.values().removeIf(count -> count == 1);
    assertEquals(Map.of(), copies, "copies of a record, where not 1");
  }
}
