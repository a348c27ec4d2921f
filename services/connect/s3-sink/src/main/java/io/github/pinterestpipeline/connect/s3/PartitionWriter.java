package io.github.pinterestpipeline.connect.s3;

import java.util.OptionalLong;
import java.util.function.LongSupplier;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes the records of one partition to a chain of objects, each of which starts at the offset where the
 * previous one ends.
 *
 * <p>The bucket, not the consumer group, determines the end of the chain: at its first record a writer
 * looks up the last object and continues after it. An object's name is its start offset, and it is
 * stored only if the name is free. So of two writers that continue at the same offset one wins, and the
 * other continues after the winner's object. docs/decisions/0003 has the argument.
 *
 * <p>After a {@link StoreException}, the same call with the same records repeats nothing that is done.
 */
final class PartitionWriter {
  private static final Logger LOG = LoggerFactory.getLogger(PartitionWriter.class);

  private final ObjectLayout layout;
  private final Shared shared;
  private final ObjectStore store;
  private final CutRule cuts;

  private LineBuffer lines = new LineBuffer();

  /** The upload of the object before the one in the buffer, until its result is known; often null. */
  private Uploads.Upload upload;

  private long start;
  private long end;
  private long firstTimestamp;
  private long due;

  /** Every record before this offset is stored, being uploaded, in the buffer, or left out. */
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
   * The objects that the writers of a task share.
   *
   * @param writer name of the task, unique to this run of it
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
   * Adds the next record, and begins to store the object if the record completes it.
   *
   * @param again whether Connect delivers the record a second time, after a failure
   */
  void add(SinkRecord record, boolean again) {
    if (!resumed) {
      resume(record);
    }
    settleIfReady();
    if (cuts.isFull(lines.lines(), lines.size())) {
      cut(); // it became full while the previous object could not be stored
    }
    if (jumping) {
      return; // the consumer moves to another offset after this batch
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

  /** Collects the result of an upload that has ended, and begins to store the buffer if it is due. */
  void cutIfDue() {
    settleIfReady();
    if (!lines.isEmpty() && shared.clock.getAsLong() >= due) {
      cut();
    }
  }

  /** Returns the latest time for the next call of {@link #cutIfDue}. */
  long due() {
    return lines.isEmpty() ? Long.MAX_VALUE : due;
  }

  /** Returns the offset to which the consumer must move after the current batch; called once a batch. */
  OptionalLong takeJump() {
    if (!jumping) {
      return OptionalLong.empty();
    }
    jumping = false;
    jumped = true;
    return OptionalLong.of(next);
  }

  /**
   * Returns the offset that can be committed: every record before it is handled, and no object spans it.
   * It is empty while the consumer is behind the stored objects (after a failure in the middle of a batch,
   * and before a jump): a task that started there would look for objects from that offset on, and miss the
   * object that begins before it.
   *
   * @param consumed the offset up to which the consumer has delivered records
   */
  OptionalLong committable(long consumed) {
    if (!resumed) {
      return OptionalLong.of(consumed);
    }
    long handled = upload != null ? upload.start : lines.isEmpty() ? next : start;
    if (consumed < handled) {
      return OptionalLong.empty();
    }
    // Between the delivered records and `consumed` are only records that Connect itself has left out.
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

  /** Begins to store the buffer after the previous object, whose end must be this one's start. */
  private void cut() {
    settle();
    if (lines.isEmpty()) {
      return; // settle() dropped the lines: another task's object comes before them
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

  /** Waits until the upload has ended; if the name is taken, continues after the object with that name. */
  private void settle() {
    if (upload == null) {
      return;
    }
    if (!upload.finish()) {
      ObjectMark existing = store.mark(upload.key);
      if (!existing.equals(upload.mark)) { // equal: an earlier attempt succeeded, its answer was lost
        LOG.warn(
            "{} exists already, written by another task: continuing at {}",
            upload.key,
            existing.nextOffset());
        goTo(existing.nextOffset(), upload.start);
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
      LOG.info("{} is the last object from offset {} on: continuing at {}", ends.last, position, after);
      goTo(after, ends.lastOffset);
    }
    resumed = true;
  }

  private void goTo(long offset, long after) {
    if (offset <= after) {
      throw new ConnectException(
          "the object that starts at " + after + " below " + layout.prefix()
              + " ends at " + offset + " by its metadata: it is damaged");
    }
    next = offset;
    jumping = true;
  }

  /**
   * Checks that the topic is the one of the objects. A topic that was deleted and created again has the
   * old offsets with other records; if the old objects counted as theirs, they would never be stored.
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

  /** The object at a position, if it exists, and the last object of a listing from that position on. */
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
