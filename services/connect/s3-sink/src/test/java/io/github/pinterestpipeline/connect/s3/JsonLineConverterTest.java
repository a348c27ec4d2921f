package io.github.pinterestpipeline.connect.s3;

import static io.github.pinterestpipeline.connect.s3.Records.utf8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.storage.Converter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonLineConverterTest {
  private static final Converter OURS = converter(new JsonLineConverter());
  private static final Converter CONNECTS = converter(new JsonConverter());

  private static Converter converter(Converter converter) {
    converter.configure(Map.of("schemas.enable", "false"), false);
    return converter;
  }

  /** Returns what the sink stores of a record; "refused" by converter or sink, or "no value". */
  private static String stored(Converter converter, byte[] value) {
    LineBuffer buffer = new LineBuffer();
    try {
      SchemaAndValue converted = converter.toConnectData("topic", value);
      if (converted.value() == null) {
        return "no value";
      }
      new JsonLine().append(buffer, converted.schema(), converted.value());
    } catch (DataException e) {
      return "refused";
    }
    return FakeStore.text(buffer);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        // scalars, arrays, nothing
        "", " ", "\n", "null", " null ", "[null]", "true", "false", "[]", "{}", "[ ]", "{ }", "3",
        "-3", "0", "0.1", "\"\"", "\"text\"", " \"text\" ", "[1,[2,[{}]]]", "[1, 2]",
        // whitespace and escapes
        "{ \"a\" : [ 1 , 2 ] }", "\t{\"a\":1}\r\n", "{\"a\":\"\\u0041\\u00e9\\/\"}", "{\"\\u0061\":1}",
        "{\"a\":\"\\\"\\\\\\b\\f\\n\\r\\t\"}", "{\"a\":\"\\u0000\\u001f\\u007f\"}",
        "{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"\\u2028\"}", "{\"a\\nb\":1}",
        // text
        "{\"a\":\"é … 😀 Ж \u0080 \u07ff \u0800 \ud7ff \ue000 \uffff \"}", "{\"é\":null}", "{\"\":0}",
        "\ufeff{\"a\":1}",
        // one name twice
        "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":[2]}}", "{\"a\":{\"b\":1},\"b\":{\"b\":1}}",
        "{\"a\":1,\"\\u0061\":2}",
        // numbers
        "{\"a\":9223372036854775807}", "{\"a\":-9223372036854775808}", "{\"a\":-89.9787}",
        "{\"a\":1e999}", "1e999", "-1E+999", "{\"a\":1.0}", "{\"a\":4.9E-324}", "{\"a\":1.5E300}",
        // no JSON
        "not json", "{", "}", "{\"a\":1", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{a:1}", "{'a':1}",
        "[1,]", "[,1]", "[1 2]", "{\"a\":1 \"b\":2}", "{1:2}", "tru", "truer", "nul", "nulls", "\"", "\"a",
        "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"\\\"}",
        "{\"a\":01}", "{\"a\":-007.5}", "00", "{\"a\":-}", "{\"a\":1.}", "{\"a\":.1}", "{\"a\":+1}", "{\"a\":1e}", "{\"a\":--1}",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":0x1}", "{\"a\":1f}", "{\"a\":tru}", "{\"a\":nullx}",
        "/* a */{}", "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ude00\"}", "[", "]", "[1", "\\u007b}",
      })
  void storesTheSameAsJsonConverter(String text) {
    assertEquals(stored(CONNECTS, utf8(text)), stored(OURS, utf8(text)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ewA=", "eyJhIjoi/yJ9", "eyJhIjoiwCJ9", "eyJhIjoiwIAifQ==", "eyJhIjoi4oAifQ==",
        "eyJhIjoi8JCA", "eyJhIjoi9ZCAgCJ9", "gA==", "/w=="
      })
  void treatsInvalidUtf8AsJsonConverterDoes(String base64) {
    byte[] value = Base64.getDecoder().decode(base64);
    assertEquals(stored(CONNECTS, value), stored(OURS, value));
  }

  @ParameterizedTest
  @ValueSource(strings = {"UTF-16LE", "UTF-16BE", "UTF-32LE", "UTF-32BE"})
  void readsTheOtherEncodingsOfJson(String charset) {
    byte[] value = "{\"a\":\"é\"}".getBytes(Charset.forName(charset));
    assertEquals("{\"a\":\"é\"}\n", stored(CONNECTS, value));
    assertEquals("{\"a\":\"é\"}\n", stored(OURS, value));
  }

  /** JsonConverter turns a fraction into a double, and an integer into its lowest 64 bits. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"a\":9223372036854775808}", "{\"a\":-123456789012345678901234567890}", "{\"a\":1e2}",
        "{\"a\":0.1234567890123456789}", "{\"a\":1.10}", "{\"a\":-0}", "{\"a\":0.0000001}", "{\"a\":1E-400}",
      })
  void keepsEveryDigit(String text) {
    assertEquals(text + "\n", stored(OURS, utf8(text)));
    String spaced = text.replace(":", " : ");
    assertEquals(text + "\n", stored(OURS, utf8(spaced)));
  }

  /** JsonConverter reads the first document and drops the rest. */
  @ParameterizedTest
  @ValueSource(strings = {"{}{}", "{} {}", "{\"a\":1}x", "{\"a\":1},", "1 2", "null null", "{}]", "{}//", "{}\u0000"})
  void refusesSeveralDocuments(String text) {
    assertEquals("refused", stored(OURS, utf8(text)));
  }

  @Test
  void passesCompactObjectsThroughWithTheirSchema() {
    byte[] value = utf8("{\"title\":\"é 😀\",\"tags\":[1,2.5,true,null,{}]}");
    SchemaAndValue converted = OURS.toConnectData("topic", value);
    assertSame(value, converted.value());
    assertTrue(JsonLineConverter.isJson(converted.schema()));
    assertTrue(JsonLineConverter.isJson(
        SchemaBuilder.bytes().name(converted.schema().name()).build()));
  }

  @Test
  void aTombstoneHasNoValueAndNoBytes() {
    assertNull(OURS.toConnectData("topic", null).value());
    assertNull(OURS.fromConnectData("topic", null, null));
  }

  @Test
  void writesItsOwnAndOtherValues() {
    byte[] value = utf8("{\"a\":1}");
    SchemaAndValue converted = OURS.toConnectData("topic", value);
    assertArrayEquals(
        value, OURS.fromConnectData("topic", converted.schema(), converted.value()));
    assertArrayEquals(
        utf8("{\"a\":[1]}"), OURS.fromConnectData("topic", null, Map.of("a", List.of(1L))));
    assertThrows(DataException.class, () -> OURS.fromConnectData("topic", null, new Object()));
  }

  @Test
  void reportsReasonAndPosition() {
    DataException failure =
        assertThrows(
            DataException.class, () -> OURS.toConnectData("topic", utf8("{\"ind\":7 \"a\"")));
    String message = failure.getMessage();
    assertTrue(message.startsWith("Converting byte[] to Kafka Connect data failed"), message);
    assertTrue(message.contains("at line 1, column 10"), message);
  }

  @Test
  void refusesValuesWithASchemaAroundThem() {
    for (String wrong : List.of("true", "maybe")) {
      assertThrows(
          ConfigException.class,
          () -> new JsonLineConverter().configure(Map.of("schemas.enable", wrong), false));
    }
    assertNotNull(OURS.config().configKeys().get("schemas.enable"));
  }

  @Test
  void isFoundByItsService() {
    assertTrue(
        ServiceLoader.load(Converter.class).stream()
            .anyMatch(found -> found.type() == JsonLineConverter.class));
  }

  @ParameterizedTest
  @CsvSource({"999, true", "1001, false"})
  void refusesTooDeepNesting(int depth, boolean accepted) {
    byte[] value = utf8("{\"a\":" + "[".repeat(depth - 1) + "]".repeat(depth - 1) + "}");
    assertEquals(accepted ? new String(value, StandardCharsets.UTF_8) + "\n" : "refused", stored(OURS, value));
  }
}
