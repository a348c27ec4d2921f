package io.github.pinterestpipeline.connect.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Instant;
import java.time.ZoneId;
import java.util.OptionalLong;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.Test;

class RulesTest {
  @Test
  void theScheduleCountsFromMidnightInItsZone() {
    CutRule rule = new CutRule(10, 10, -1, 3_600_000, ZoneId.of("Asia/Kolkata")); // UTC+5:30
    long opened = Instant.parse("2026-01-01T10:10:00Z").toEpochMilli();
    assertEquals(Instant.parse("2026-01-01T10:30:00Z").toEpochMilli(), rule.due(opened));
    long onTheDot = Instant.parse("2026-01-01T10:30:00Z").toEpochMilli();
    assertEquals(Instant.parse("2026-01-01T11:30:00Z").toEpochMilli(), rule.due(onTheDot));
  }

  @Test
  void theEarlierOfIntervalAndScheduleCounts() {
    assertEquals(50, new CutRule(10, 10, 40, 3_600_000, ZoneId.of("UTC")).due(10));
    assertEquals(100, new CutRule(10, 10, 400, 100, ZoneId.of("UTC")).due(10));
    assertEquals(Long.MAX_VALUE, new CutRule(10, 10, -1, -1, ZoneId.of("UTC")).due(10));
  }

  @Test
  void keysAreNamedByOffsetAndReadBack() {
    ObjectLayout layout = new ObjectLayout("topics", "id.pin", 2, 10);
    assertEquals("topics/id.pin/partition=2/id.pin+2+0000000042.json", layout.key(42));
    assertEquals(OptionalLong.of(42), layout.startOffset(layout.key(42)));
    assertEquals(OptionalLong.of(12345678901L), layout.startOffset(layout.key(12345678901L)));
    assertEquals(OptionalLong.empty(), layout.startOffset(layout.prefix() + "0000000042.avro"));
    assertEquals(OptionalLong.empty(), layout.startOffset(layout.prefix() + "x.json"));
    assertEquals(OptionalLong.empty(), layout.startOffset(layout.prefix() + ".json"));
  }

  @Test
  void aListingStartsBeforeTheKeyWhereKeysSortLikeNumbers() {
    ObjectLayout layout = new ObjectLayout("topics", "id.pin", 0, 10);
    assertTrue(layout.before(42).compareTo(layout.key(42)) < 0);
    assertTrue(layout.before(42).compareTo(layout.key(41)) > 0);
    assertEquals(layout.prefix(), layout.before(9_999_999_999L)); // 10^10 sorts before it
  }

  @Test
  void theDelayDoublesUntilAReset() {
    Backoff backoff = new Backoff(200, 500, 1000);
    assertEquals(200, backoff.nextDelay());
    assertEquals(400, backoff.nextDelay());
    assertEquals(500, backoff.nextDelay());
    backoff.reset();
    assertEquals(200, backoff.nextDelay());
  }

  @Test
  void retriesWithoutEndInAnOutageAndForALimitedTimeAfterARefusal() {
    Backoff backoff = new Backoff(200, 500, 1000);
    StoreException outage = new StoreException("connection refused", false, null);
    StoreException refusal = new StoreException("no such bucket", true, null);
    assertTrue(backoff.of(outage, 0) instanceof RetriableException);
    assertTrue(backoff.of(outage, 1_000_000) instanceof RetriableException);
    assertTrue(backoff.of(refusal, 1_000_000) instanceof RetriableException);
    assertTrue(backoff.of(refusal, 1_000_999) instanceof RetriableException);
    ConnectException last = backoff.of(refusal, 1_001_000);
    assertFalse(last instanceof RetriableException);
    assertTrue(last.getMessage().startsWith("no such bucket"), last.getMessage());
    backoff.reset();
    assertTrue(backoff.of(refusal, 1_001_000) instanceof RetriableException);
  }
}
