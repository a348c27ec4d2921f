package io.github.pinterestpipeline.connect.s3;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a JSON document into values that {@link JsonLine} writes: maps in the order of their names, lists,
 * text, booleans, null and {@link Number}.
 *
 * <p>If an object has a name twice, the last value counts, as for Connect's JsonConverter. The encoding,
 * UTF-8, 16 or 32, is detected as in JSON's first standard (RFC 4627).
 */
final class JsonReader {
  /**
   * A number with the text that was sent, so that it is stored with all its digits.
   *
   * @param text a number in JSON's grammar
   */
  record Number(String text) {}

  private final JsonFactory factory =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_LEADING_ZEROS_FOR_NUMBERS) // as JsonConverter does
          .build();

  /**
   * Returns the document; null for {@code null}, for no bytes and for whitespace alone.
   *
   * @throws IOException it is not one JSON document; the message has the position
   */
  Object read(byte[] text) throws IOException {
    try (JsonParser json = factory.createParser(text)) {
      if (json.nextToken() == null) {
        return null;
      }
      Object document = value(json);
      if (json.nextToken() != null) {
        throw new JsonParseException(json, "the document is followed by more text");
      }
      return document;
    }
  }

  private static Object value(JsonParser json) throws IOException {
    switch (json.currentToken()) {
      case START_OBJECT:
        Map<String, Object> map = new LinkedHashMap<>();
        while (json.nextToken() != JsonToken.END_OBJECT) {
          String name = json.currentName();
          json.nextToken();
          map.put(name, value(json));
        }
        return map;
      case START_ARRAY:
        List<Object> list = new ArrayList<>();
        while (json.nextToken() != JsonToken.END_ARRAY) {
          list.add(value(json));
        }
        return list;
      case VALUE_STRING:
        return json.getText();
      case VALUE_NUMBER_FLOAT:
        if (!Double.isFinite(json.getDoubleValue())) {
          throw new JsonParseException(json, json.getText() + " is out of the range of numbers");
        }
        return new Number(json.getText());
      case VALUE_NUMBER_INT:
        return new Number(json.getText());
      case VALUE_TRUE:
        return true;
      case VALUE_FALSE:
        return false;
      case VALUE_NULL:
        return null;
      default:
        throw new JsonParseException(json, json.currentToken() + " is no value");
    }
  }
}
