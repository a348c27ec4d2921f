package io.github.pinterestpipeline.connect.s3;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.Test;

class JsonLineTest {
  private final JsonLine json = new JsonLine();
  private final LineBuffer buffer = new LineBuffer();

  private String line(Schema schema, Object value) {
    buffer.clear();
    json.append(buffer, schema, value);
    return FakeStore.text(buffer);
  }

  private String line(Object value) {
    return line(null, value);
  }

  @Test
  void writesCompactJsonWithANewline() {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("ind", 7528L);
    row.put("latitude", -89.9787);
    row.put("country", null);
    row.put("tags", Arrays.asList("a", true, null, Map.of("b", 1L)));
    assertEquals(
        "{\"ind\":7528,\"latitude\":-89.9787,\"country\":null,\"tags\":[\"a\",true,null,{\"b\":1}]}\n",
        line(row));
  }

  @Test
  void keepsTextUnescapedOnOneLine() {
    assertEquals("\"é … 😀 Ж\"\n", line("é … 😀 Ж"));
    assertEquals("\"a\\nb\\\"c\\\\\"\n", line("a\nb\"c\\"));
    assertEquals("\"\"\n", line(""));
  }

  @Test
  void keepsNumbers() {
    assertEquals("9223372036854775807\n", line(Long.MAX_VALUE));
    assertEquals("0.1\n", line(0.1));
    assertEquals("0.002\n", line(0.002));
    assertEquals("4.9E-324\n", line(Double.MIN_VALUE));
    assertEquals("2.0E-322\n", line(2.0E-322)); // Double.toString of Java 17 has one digit more
    assertEquals("1.1\n", line(1.1f));
    assertEquals("123456789012345678901234567890\n", line(new BigInteger("123456789012345678901234567890")));
    assertEquals("0.0000001\n", line(new BigDecimal("1E-7")));
  }

  @Test
  void writesNothingOfAValueWithoutAFormInJson() {
    line("before");
    for (Object value :
        List.of(Double.NaN, Float.POSITIVE_INFINITY, Map.of("a", List.of(1L, new Object())))) {
      assertThrows(DataException.class, () -> json.append(buffer, null, value));
    }
    assertEquals("\"before\"\n", FakeStore.text(buffer));
    assertEquals(1, buffer.lines());
  }

  @Test
  void writesStructsWithTheirSchema() {
    Schema schema =
        SchemaBuilder.struct()
            .field("id", Schema.INT32_SCHEMA)
            .field("small", Schema.INT8_SCHEMA)
            .field("day", org.apache.kafka.connect.data.Date.SCHEMA)
            .field("time", Time.SCHEMA)
            .field("bytes", Schema.BYTES_SCHEMA)
            .field("names", SchemaBuilder.map(Schema.INT32_SCHEMA, Schema.STRING_SCHEMA).build())
            .field("none", Schema.OPTIONAL_STRING_SCHEMA)
            .build();
    Struct value =
        new Struct(schema)
            .put("id", 1)
            .put("small", (byte) 2)
            .put("day", new Date(3 * 24L * 60 * 60 * 1000))
            .put("time", new Date(4))
            .put("bytes", new byte[] {1, 2})
            .put("names", Map.of(5, "five"));
    assertEquals(
        "{\"id\":1,\"small\":2,\"day\":3,\"time\":4,\"bytes\":\"AQI=\",\"names\":[[5,\"five\"]],"
            + "\"none\":null}\n",
        line(schema, value));
    assertEquals("1500\n", line(new Date(1500)));
  }

  @Test
  void bytesAreBase64UnlessTheyAreADocument() {
    for (Schema schema : new Schema[] {null, Schema.BYTES_SCHEMA}) {
      assertEquals("\"AQI=\"\n", line(schema, new byte[] {1, 2}));
    }
    Schema schema = SchemaBuilder.struct().field("line", JsonLineConverter.SCHEMA).build();
    Struct document = new Struct(schema).put("line", Records.utf8("{\"a\":\"é\"}"));
    assertEquals("{\"line\":{\"a\":\"é\"}}\n", line(schema, document));
  }
}
