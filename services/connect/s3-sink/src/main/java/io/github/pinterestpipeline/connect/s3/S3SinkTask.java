package io.github.pinterestpipeline.connect.s3;

import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/** Passes the records of each partition to its writer, and reports the stored offsets to Connect. */
public final class S3SinkTask extends SinkTask {
  /** Longest time between two calls of {@link #put} without records (milliseconds). */
  private static final long LONGEST_IDLE = 1000;

  /** Longest time for an upload when the task stops (milliseconds; Connect allows 5 s). */
  private static final long LAST_UPLOAD = 3000;

  private final Map<TopicPartition, PartitionWriter> writers = new HashMap<>();
  private final String name = UUID.randomUUID().toString();
  private S3SinkConfig config;
  private Backoff backoff;
  private ExecutorService uploader;
  private PartitionWriter.Shared shared;
  private boolean again;

  @Override
  public String version() {
    return S3SinkConnector.VERSION;
  }

  @Override
  public void start(Map<String, String> properties) {
    uploader =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, "s3-sink-upload-" + name);
              thread.setDaemon(true);
              return thread;
            });
    start(properties, new S3ObjectStore(new S3SinkConfig(properties)), uploader);
  }

  /** Starts the task with the given store and executor of uploads. */
  void start(Map<String, String> properties, ObjectStore objects, Executor executor) {
    config = new S3SinkConfig(properties);
    backoff = config.backoff();
    boolean ignoresNullValues = config.getString(S3SinkConfig.NULL_VALUES).equals("ignore");
    shared =
        new PartitionWriter.Shared(
            objects,
            new Uploads(objects, executor),
            config.cutRule(),
            new BadRecords(properties, ignoresNullValues, context.errantRecordReporter()),
            new JsonLine(),
            name,
            System::currentTimeMillis);
  }

  @Override
  public void open(Collection<TopicPartition> partitions) {
    // Writers read the store only at the first record, in put(), which Connect repeats after a failure.
    for (TopicPartition partition : partitions) {
      ObjectLayout layout = config.layout(partition.topic(), partition.partition());
      writers.put(partition, new PartitionWriter(layout, shared));
    }
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    try {
      for (SinkRecord record : records) {
        writer(record).add(record, again);
      }
      for (PartitionWriter writer : writers.values()) {
        writer.cutIfDue();
      }
    } catch (StoreException e) {
      again = true;
      ConnectException failure =
          backoff.of(e, TimeUnit.NANOSECONDS.toMillis(System.nanoTime()));
      context.timeout(backoff.nextDelay());
      throw failure;
    }
    again = false;
    backoff.reset();
    long due = Long.MAX_VALUE;
    for (Map.Entry<TopicPartition, PartitionWriter> entry : writers.entrySet()) {
      entry.getValue().takeJump().ifPresent(offset -> context.offset(entry.getKey(), offset));
      due = Math.min(due, entry.getValue().due());
    }
    long untilDue = due - System.currentTimeMillis();
    context.timeout(Math.max(1, Math.min(LONGEST_IDLE, untilDue)));
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(
      Map<TopicPartition, OffsetAndMetadata> consumed) {
    Map<TopicPartition, OffsetAndMetadata> stored = new HashMap<>();
    consumed.forEach(
        (partition, offset) -> {
          PartitionWriter writer = writers.get(partition);
          if (writer != null) {
            writer
                .committable(offset.offset())
                .ifPresent(next -> stored.put(partition, new OffsetAndMetadata(next)));
          }
        });
    return stored;
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    // The partition's next owner reads the buffered records again from Kafka.
    writers.keySet().removeAll(partitions);
  }

  @Override
  public void stop() {
    if (uploader != null) {
      // The next task finds an unfinished upload, but a finished one saves it work.
      uploader.shutdown();
      try {
        uploader.awaitTermination(LAST_UPLOAD, TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (shared != null) {
      shared.store().close();
    }
  }

  private PartitionWriter writer(SinkRecord record) {
    if (!record.topic().equals(record.originalTopic())) {
      throw new ConnectException(
          "a transform renames topic " + record.originalTopic() + " to " + record.topic()
              + ": objects are named by topic and offset, which must be Kafka's");
    }
    return writers.get(
        new TopicPartition(record.originalTopic(), record.originalKafkaPartition()));
  }
}
