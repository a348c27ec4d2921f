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
 * Reads a JSON document into what {@link JsonLine} writes: maps, in the order of their names, lists,
 * text, truth, null and {@link Number}.
 *
 * <p>Of a name that an object has twice the last value counts, as for Connect's JsonConverter. UTF-8,
 * 16 and 32 are told apart, as JSON's first standard had it.
 */
final class JsonReader {
  /**
   * A number as it was sent, so that it is stored with all its digits and in no other form.
   *
   * @param text a number by JSON's grammar
   */
  record Number(String text) {}

  private final JsonFactory factory =
      JsonFactory.builder()
          .enable(JsonReadFeature.ALLOW_LEADING_ZEROS_FOR_NUMBERS) // as JsonConverter does
          .build();

  /**
   * Returns the document; null for {@code null}, and for nothing or whitespace alone.
   *
   * @throws IOException it isn't one JSON document; the message says where
   */
  Object read(byte[] text) throws IOException {
    try (JsonParser json = factory.createParser(text)) {
      if (json.nextToken() == null) {
        return null;
      }
      Object document = value(json);
      if (json.nextToken() != null) {
        throw new JsonParseException(json, "there is more behind the document");
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
          throw new JsonParseException(json, json.getText() + " is beyond the numbers that are read");
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
