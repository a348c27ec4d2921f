package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.utf8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CompactJsonTest {
  private static final String[] OBJECTS = {
    "{\"index\":7528,\"title\":\"é … 😀\",\"tags\":\"N,o, ,T\",\"f\":-89.9787,\"none\":null}",
    "{\"a\":[1,2,{\"b\":true,\"c\":[]},\"\\\"\\\\\\n\"],\"d\":{\"a\":{},\"b\":false},\"\":0.5}",
  };

  private final CompactJson compact = new CompactJson();
  private final JsonReader reader = new JsonReader();
  private final JsonLine line = new JsonLine();

  @Test
  void acceptsCompactObjects() {
    for (String object : OBJECTS) {
      assertTrue(compact.isObject(utf8(object)), object);
    }
    assertTrue(compact.isObject(utf8("{}")));
    assertTrue(compact.isObject(utf8(names(64))));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", "{", "[]", "null", "{} ", "{\"a\": 1}", "{\"a\":\"\\/\"}", "{\"a\":\"\\u0041\"}",
        "{\"a\":1e2}", "{\"a\":1,\"a\":1}", "{\"a\":{\"b\":1,\"b\":1}}", "{\"a\":01}", "{\"a\":-}",
      })
  void leavesOtherTextsToTheReader(String text) {
    assertFalse(compact.isObject(utf8(text)));
  }

  @Test
  void leavesWideDeepAndLongDocumentsToTheReader() {
    String deep = "{\"a\":" + "[".repeat(40) + "]".repeat(40) + "}";
    String longNumber = "{\"a\":" + "1".repeat(301) + "}";
    String longName = "{\"" + "a".repeat(1001) + "\":1}";
    for (String text : new String[] {names(65), deep, longNumber, longName}) {
      assertFalse(compact.isObject(utf8(text)), text);
      assertEquals(text, rewritten(utf8(text)));
    }
  }

  private static String names(int count) {
    return IntStream.range(0, count)
        .mapToObj(i -> "\"n" + i + "\":" + i)
        .collect(Collectors.joining(",", "{", "}"));
  }

  private String rewritten(byte[] text) {
    try {
      return new String(line.bytes(null, reader.read(text)), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new AssertionError(new String(text, StandardCharsets.UTF_8), e);
    }
  }

  /** Tries any byte at any position of a text, as text is checked in steps of eight. */
  @Test
  void checksEachByteOfAText() {
    for (int at = 0; at < 20; at++) {
      for (int value = 0; value < 256; value++) {
        byte[] text = utf8("{\"a\":\"" + "x".repeat(20) + "\"}");
        text[6 + at] = (byte) value;
        boolean plain = value >= ' ' && value < 0x80 && value != '"' && value != '\\';
        assertEquals(plain, compact.isObject(text), value + " at " + at);
      }
    }
  }

  /** Reading and writing an accepted document changes no byte of it. */
  @Test
  void neverAcceptsWhatTheReaderWouldChangeOrRefuse() {
    Random random = new Random(7528);
    byte[] alphabet = utf8("{}[]\",:\\/u0019eE+-.tfnb \n\u0001é😀");
    int taken = 0;
    for (int i = 0; i < 300_000; i++) {
      byte[] text = utf8(OBJECTS[random.nextInt(OBJECTS.length)]);
      for (int changes = 1 + random.nextInt(3); changes > 0; changes--) {
        int at = random.nextInt(text.length);
        byte value =
            random.nextInt(8) == 0
                ? (byte) random.nextInt()
                : alphabet[random.nextInt(alphabet.length)];
        switch (random.nextInt(3)) {
          case 0 -> text[at] = value;
          case 1 -> text = spliced(text, at, at + 1);
          default -> text = spliced(text, at, at, value);
        }
      }
      if (compact.isObject(text)) {
        taken++;
        assertArrayEquals(text, utf8(rewritten(text)));
      }
    }
    assertTrue(taken > 10_000, Integer.toString(taken));
  }

  /** Returns the text with other bytes between two positions. */
  private static byte[] spliced(byte[] text, int from, int to, byte... bytes) {
    return ByteBuffer.allocate(text.length - (to - from) + bytes.length)
        .put(text, 0, from)
        .put(bytes)
        .put(text, to, text.length - to)
        .array();
  }
}
