package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.config;
import static io.github.pinterestpipeline.connect.s3.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.pinterestpipeline.connect.s3.FakeStore.Fault;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.junit.jupiter.api.Test;

class S3SinkTaskTest {
  private static final TopicPartition PARTITION = new TopicPartition(Records.TOPIC, 0);

  private final FakeStore store = new FakeStore();
  private final Map<TopicPartition, Long> jumps = new HashMap<>();
  private final List<Long> timeouts = new ArrayList<>();
  private final List<Long> deadLetters = new ArrayList<>();

  private S3SinkTask task(Map<String, String> config) {
    ErrantRecordReporter reporter =
        (record, error) -> {
          deadLetters.add(record.kafkaOffset());
          return CompletableFuture.completedFuture(null);
        };
    S3SinkTask task = new S3SinkTask();
    task.initialize(
        (SinkTaskContext)
            Proxy.newProxyInstance(
                getClass().getClassLoader(),
                new Class<?>[] {SinkTaskContext.class},
                (proxy, method, arguments) -> {
                  switch (method.getName()) {
                    case "errantRecordReporter" -> {
                      return reporter;
                    }
                    case "timeout" -> timeouts.add((Long) arguments[0]);
                    case "offset" -> jumps.put((TopicPartition) arguments[0], (Long) arguments[1]);
                    default -> throw new UnsupportedOperationException(method.toString());
                  }
                  return null;
                }));
    task.start(config, store, Runnable::run);
    task.open(Set.of(PARTITION));
    return task;
  }

  private static Map<TopicPartition, OffsetAndMetadata> offset(long offset) {
    return Map.of(PARTITION, new OffsetAndMetadata(offset));
  }

  @Test
  void requestsCallsWhileNoRecordArrives() {
    S3SinkTask task = task(config("flush.size", "10", "rotate.interval.ms", "100"));
    task.put(List.of());
    assertEquals(List.of(1000L), timeouts);
    task.put(List.of(record(0)));
    assertTrue(timeouts.get(1) <= 100, timeouts.toString());
  }

  @Test
  void aBatchIsRepeatedAfterAnOutage() {
    S3SinkTask task = task(config("flush.size", "2"));
    List<SinkRecord> batch = List.of(record(0), record(1), record(2));
    task.put(List.of());
    store.faults.addAll(List.of(Fault.LOST, Fault.REFUSED));
    assertThrows(RetriableException.class, () -> task.put(batch));
    assertThrows(RetriableException.class, () -> task.put(batch));
    assertEquals(List.of(1000L, 200L, 400L), timeouts);
    assertEquals(Map.of(), store.objects);
    task.put(batch);
    assertEquals(1, store.objects.size());
    assertEquals("0\n1\n", store.objects.firstEntry().getValue().text());
    assertEquals(offset(2), task.preCommit(offset(3)));
  }

  @Test
  void aRefusalThatLastsFailsTheTask() {
    S3SinkTask task = task(config("s3.refused.retry.ms", "0"));
    store.faults.add(Fault.REFUSED);
    ConnectException failure =
        assertThrows(ConnectException.class, () -> task.put(List.of(record(0))));
    assertTrue(!(failure instanceof RetriableException), failure.toString());
  }

  @Test
  void jumpsAfterTheObjectsOfAnotherTask() {
    task(config("flush.size", "2")).put(List.of(record(0), record(1)));
    S3SinkTask task = task(config("flush.size", "3"));
    task.put(List.of(record(0)));
    assertEquals(Map.of(PARTITION, 2L), jumps);
    assertEquals(Map.of(), task.preCommit(offset(1))); // in the middle of the object
  }

  @Test
  void commitsBeyondRecordsThatConnectLeftOut() {
    S3SinkTask task = task(config());
    task.put(List.of(record(0)));
    assertEquals(offset(7), task.preCommit(offset(7)));
  }

  @Test
  void badRecordsGoToTheDeadLetterTopic() {
    S3SinkTask task = task(config("errors.tolerance", "all"));
    task.put(List.of(record(0, null, 0), record(1), record(2, Double.NaN, 0)));
    assertEquals(List.of(0L, 2L), deadLetters);
    assertEquals(1, store.objects.size());
  }

  @Test
  void ignoresNullValues() {
    S3SinkTask task = task(config("errors.tolerance", "all", "behavior.on.null.values", "ignore"));
    task.put(List.of(record(0, null, 0)));
    assertEquals(List.of(), deadLetters);
  }

  @Test
  void aPartitionThatIsAssignedAgainResumesFromTheBucket() {
    S3SinkTask task = task(config("flush.size", "2"));
    task.put(List.of(record(0)));
    task.close(Set.of(PARTITION));
    assertEquals(Map.of(), task.preCommit(offset(1)));
    task(config("flush.size", "1")).put(List.of(record(0)));
    task.open(Set.of(PARTITION));
    task.put(List.of(record(0)));
    assertEquals(Map.of(PARTITION, 1L), jumps);
  }

  @Test
  void refusesATransformThatRenamesTheTopic() {
    SinkRecord renamed =
        record(0).newRecord("other", 0, null, null, null, "value", 1000L);
    S3SinkTask task = task(config());
    assertThrows(ConnectException.class, () -> task.put(List.of(renamed)));
  }
}
