package io.github.pinterestpipeline.connect.s3;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Date;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.errors.DataException;

/**
 * Writes the value of a record as one line of compact JSON in UTF-8.
 *
 * <p>Accepts the values of any converter, with or without a schema. Types that JSON lacks: bytes become
 * base64; dates become milliseconds since 1970, or days or the time of day if their schema is one of
 * these; decimals become numbers with all their digits; a map whose keys are not all text becomes an
 * array of pairs. The values of {@link JsonLineConverter} are JSON already.
 */
final class JsonLine {
  private static final long DAY = 24L * 60 * 60 * 1000;

  private final JsonFactory factory =
      JsonFactory.builder()
          .enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER) // the shortest digits that are exact
          .enable(StreamWriteFeature.WRITE_BIGDECIMAL_AS_PLAIN)
          .enable(JsonWriteFeature.COMBINE_UNICODE_SURROGATES_IN_UTF8) // an emoji is not escaped
          .disable(StreamWriteFeature.AUTO_CLOSE_TARGET)
          .disable(StreamWriteFeature.AUTO_CLOSE_CONTENT)
          .build();

  /**
   * Appends a line to the buffer; after an exception the buffer is unchanged.
   *
   * @throws DataException the value has no form in JSON
   */
  void append(LineBuffer buffer, Schema schema, Object value) {
    if (value instanceof byte[] text && JsonLineConverter.isJson(schema)) {
      buffer.write(text, 0, text.length);
    } else {
      write(buffer, schema, value);
    }
    buffer.endLine();
  }

  /**
   * Returns the bytes of the line without its end.
   *
   * @throws DataException the value has no form in JSON
   */
  byte[] bytes(Schema schema, Object value) {
    LineBuffer buffer = new LineBuffer();
    write(buffer, schema, value);
    return buffer.bytes();
  }

  private void write(LineBuffer buffer, Schema schema, Object value) {
    int before = buffer.size();
    boolean written = false;
    try (JsonGenerator json = factory.createGenerator(buffer)) {
      write(json, schema, value);
      written = true;
    } catch (IOException e) {
      written = false; // such as half of a surrogate pair
      throw new DataException("the value has no form in JSON: " + e.getMessage(), e);
    } finally {
      if (!written) {
        buffer.truncate(before);
      }
    }
  }

  private static void write(JsonGenerator json, Schema schema, Object value) throws IOException {
    if (value == null) {
      json.writeNull();
    } else if (value instanceof String text) {
      json.writeString(text);
    } else if (value instanceof Long number) {
      json.writeNumber(number);
    } else if (value instanceof Map<?, ?> map) {
      writeMap(json, schema, map);
    } else if (value instanceof Double number) {
      checkFinite(number);
      json.writeNumber(number);
    } else if (value instanceof JsonReader.Number number) {
      json.writeNumber(number.text());
    } else if (value instanceof Boolean truth) {
      json.writeBoolean(truth);
    } else if (value instanceof List<?> list) {
      Schema items = schema == null ? null : schema.valueSchema();
      json.writeStartArray();
      for (Object item : list) {
        write(json, items, item);
      }
      json.writeEndArray();
    } else if (value instanceof Struct struct) {
      json.writeStartObject();
      for (Field field : struct.schema().fields()) {
        json.writeFieldName(field.name());
        write(json, field.schema(), struct.get(field));
      }
      json.writeEndObject();
    } else if (value instanceof Integer || value instanceof Short || value instanceof Byte) {
      json.writeNumber(((Number) value).intValue());
    } else if (value instanceof Float number) {
      checkFinite(number);
      json.writeNumber(number);
    } else if (value instanceof BigDecimal number) {
      json.writeNumber(number);
    } else if (value instanceof BigInteger number) {
      json.writeNumber(number);
    } else if (value instanceof byte[] text && JsonLineConverter.isJson(schema)) {
      json.writeRawValue(new String(text, StandardCharsets.UTF_8)); // a transform wrapped it
    } else if (value instanceof byte[] bytes) {
      json.writeBinary(bytes);
    } else if (value instanceof ByteBuffer bytes) {
      byte[] copy = new byte[bytes.remaining()];
      bytes.duplicate().get(copy);
      json.writeBinary(copy);
    } else if (value instanceof Date date) {
      writeDate(json, schema, date);
    } else {
      throw new DataException("a value of " + value.getClass() + " has no form in JSON");
    }
  }

  private static void writeMap(JsonGenerator json, Schema schema, Map<?, ?> map)
      throws IOException {
    Schema keys = schema == null ? null : schema.keySchema();
    Schema values = schema == null ? null : schema.valueSchema();
    boolean asObject = true;
    for (Object key : map.keySet()) {
      asObject &= key instanceof String;
    }
    if (asObject) {
      json.writeStartObject();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        json.writeFieldName((String) entry.getKey());
        write(json, values, entry.getValue());
      }
      json.writeEndObject();
    } else {
      json.writeStartArray();
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        json.writeStartArray();
        write(json, keys, entry.getKey());
        write(json, values, entry.getValue());
        json.writeEndArray();
      }
      json.writeEndArray();
    }
  }

  private static void checkFinite(double number) {
    if (!Double.isFinite(number)) {
      throw new DataException(number + " has no form in JSON");
    }
  }

  private static void writeDate(JsonGenerator json, Schema schema, Date date) throws IOException {
    String name = schema == null ? null : schema.name();
    if (org.apache.kafka.connect.data.Date.LOGICAL_NAME.equals(name)) {
      json.writeNumber(Math.floorDiv(date.getTime(), DAY));
    } else if (Time.LOGICAL_NAME.equals(name)) {
      json.writeNumber(Math.floorMod(date.getTime(), DAY));
    } else {
      json.writeNumber(date.getTime());
    }
  }
}
