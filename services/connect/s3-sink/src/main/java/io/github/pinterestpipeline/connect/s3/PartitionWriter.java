package io.github.pinterestpipeline.connect.s3;

import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes one partition's records to its chain of objects, each object beginning where the one
 * before it ended.
 *
 * <p>The bucket says how far the chain goes, not the consumer group: at its first record a writer
 * looks for the last object and goes on behind it. An object's name is its start offset and it is
 * stored only if there is none of that name, so that of two writers who go on from the same place
 * one wins, and the other goes on behind the winner's object. docs/decisions/0003 has the argument.
 *
 * <p>A method that throws a {@link StoreException} has changed nothing that a second call with the
 * same records would do again.
 */
final class PartitionWriter {
  private static final Logger LOG = LoggerFactory.getLogger(PartitionWriter.class);

  private final ObjectLayout layout;
  private final Shared shared;
  private final ObjectStore store;
  private final CutRule cuts;

  private LineBuffer lines = new LineBuffer();

  /** The object before the one in the buffer, until it is known to be stored; often null. */
  private Uploads.Upload upload;

  private long start;
  private long end;
  private long firstTimestamp;
  private long due;

  /** Everything before this offset is stored, on its way, in the buffer, or not to be stored. */
  private long next;

  private boolean resumed;
  private boolean jumping;
  private boolean jumped;

  PartitionWriter(ObjectLayout layout, Shared shared) {
    this.layout = layout;
    this.shared = shared;
    this.store = shared.store;
    this.cuts = shared.cuts;
  }

  /**
   * What the writers of a task share.
   *
   * @param writer name of the task, in no other task's life used before
   * @param clock milliseconds since 1970
   */
  record Shared(
      ObjectStore store,
      Uploads uploads,
      CutRule cuts,
      BadRecords badRecords,
      JsonLine json,
      String writer,
      LongSupplier clock) {}

  /**
   * Takes the next record, and has the object stored that it completes.
   *
   * @param again whether Connect delivers the record a second time, after a failure
   */
  void add(SinkRecord record, boolean again) {
    if (!resumed) {
      resume(record);
    }
    settleIfReady();
    if (cuts.isFull(lines.lines(), lines.size())) {
      cut(); // the one before it could not be stored when it became full
    }
    if (jumping) {
      return; // the consumer goes to another offset after this batch
    }
    if (record.originalKafkaOffset() < next) {
      if (again) {
        return;
      }
      throw wentBack(record);
    }
    jumped = false;
    if (record.value() == null) {
      shared.badRecords.takeNullValue(record);
    } else {
      if (!lines.isEmpty() && cuts.isTooLate(firstTimestamp, timestamp(record))) {
        cut();
        if (jumping) {
          return;
        }
      }
      append(record);
    }
    next = record.originalKafkaOffset() + 1;
    if (cuts.isFull(lines.lines(), lines.size())) {
      cut();
    }
  }

  /** Takes note of what is stored by now, and has the buffer stored if it is due by the clock. */
  void cutIfDue() {
    settleIfReady();
    if (!lines.isEmpty() && shared.clock.getAsLong() >= due) {
      cut();
    }
  }

  /** When {@link #cutIfDue} is to be called next, at the latest. */
  long due() {
    return lines.isEmpty() ? Long.MAX_VALUE : due;
  }

  /** The offset that the consumer has to go to after the batch at hand; asked once a batch. */
  OptionalLong takeJump() {
    if (!jumping) {
      return OptionalLong.empty();
    }
    jumping = false;
    jumped = true;
    return OptionalLong.of(next);
  }

  /**
   * The offset that can be committed: nothing before it is still to be stored, and no object spans
   * it. There is none while the consumer is behind what is stored (after a failure in the middle of a batch,
   * and before a jump): a task that starts there would look for objects from there on, and miss the
   * one that begins before it.
   *
   * @param consumed the offset up to which the consumer has handed over records
   */
  OptionalLong committable(long consumed) {
    if (!resumed) {
      return OptionalLong.of(consumed);
    }
    long handled = upload != null ? upload.start : lines.isEmpty() ? next : start;
    if (consumed < handled) {
      return OptionalLong.empty();
    }
    // Beyond what was handed over there are only records that Connect itself has left out.
    boolean upToDate = upload == null && lines.isEmpty() && !jumping && !jumped;
    return OptionalLong.of(upToDate ? consumed : handled);
  }

  private void append(SinkRecord record) {
    boolean first = lines.isEmpty();
    try {
      shared.json.append(lines, record.valueSchema(), record.value());
    } catch (DataException e) {
      shared.badRecords.take(record, e);
      return;
    }
    if (first) {
      start = record.originalKafkaOffset();
      firstTimestamp = timestamp(record);
      due = cuts.due(shared.clock.getAsLong());
    }
    end = record.originalKafkaOffset() + 1;
  }

  /** Has the buffer stored, when the object before it is: that one says where this one begins. */
  private void cut() {
    settle();
    if (lines.isEmpty()) {
      return; // dropped: they are behind another task's object
    }
    ObjectMark mark = new ObjectMark(end, firstTimestamp, shared.writer);
    upload = shared.uploads.begin(layout.key(start), start, lines, mark);
    lines = shared.uploads.takeBuffer();
    settleIfReady();
  }

  private void settleIfReady() {
    if (upload != null && upload.isReady()) {
      settle();
    }
  }

  /** Waits until the object on its way is stored; if its name is taken, goes on behind that one. */
  private void settle() {
    if (upload == null) {
      return;
    }
    if (!upload.finish()) {
      ObjectMark theirs = store.mark(upload.key);
      if (!theirs.equals(upload.mark)) { // equal: an earlier try was stored, its answer was lost
        LOG.warn(
            "{} is there already, from another task: going on at {}",
            upload.key,
            theirs.nextOffset());
        goTo(theirs.nextOffset(), upload.start);
        lines.clear();
      }
    }
    shared.uploads.giveBack(upload.lines);
    upload = null;
  }

  /** Finds the end of the chain, from the consumer's position on. */
  private void resume(SinkRecord record) {
    long position = record.originalKafkaOffset();
    Ends ends = new Ends();
    store.eachKey(
        layout.prefix(),
        layout.before(position),
        key -> layout.startOffset(key).ifPresent(offset -> ends.take(key, offset, position)));
    if (ends.last == null) {
      next = position;
    } else {
      if (ends.first != null) {
        checkSame(record, ends.first);
      }
      long after = store.mark(ends.last).nextOffset();
      LOG.info("{} is the last object from offset {} on: going on at {}", ends.last, position, after);
      goTo(after, ends.lastOffset);
    }
    resumed = true;
  }

  private void goTo(long offset, long after) {
    if (offset <= after) {
      throw new ConnectException(
          "the object that starts at " + after + " below " + layout.prefix()
              + " says that it ends at " + offset + ": it is damaged");
    }
    next = offset;
    jumping = true;
  }

  /**
   * A topic that was deleted and created again has the old offsets, with other records. Their
   * objects must not be taken for those of the new records, which would never be stored.
   */
  private void checkSame(SinkRecord record, String key) {
    long stored = store.mark(key).firstTimestamp();
    if (stored != timestamp(record)) {
      throw new ConnectException(
          "object " + key + " holds another record than the topic: that one is of time " + stored
              + ", this one of " + timestamp(record) + ". " + otherTopic());
    }
  }

  private ConnectException wentBack(SinkRecord record) {
    return new ConnectException(
        "record " + record.originalTopic() + "-" + record.originalKafkaPartition() + " is at "
            + record.originalKafkaOffset() + ", but objects are stored up to " + next + ". "
            + otherTopic());
  }

  private static String otherTopic() {
    return "The topic was created again, or lost its end. Move the objects away, or set another "
        + S3SinkConfig.TOPICS_DIR;
  }

  private static long timestamp(SinkRecord record) {
    return record.timestamp() == null ? -1 : record.timestamp();
  }

  /** The object at a position, if there is one, and the last of a listing that isn't before it. */
  private static final class Ends {
    private String first;
    private String last;
    private long lastOffset;

    void take(String key, long offset, long position) {
      if (offset == position && first == null) {
        first = key;
      }
      if (offset >= position && (last == null || offset > lastOffset)) {
        last = key;
        lastOffset = offset;
      }
    }
  }
}
