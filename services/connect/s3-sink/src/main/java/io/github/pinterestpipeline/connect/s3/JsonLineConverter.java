package io.github.pinterestpipeline.connect.s3;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import java.io.IOException;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * A replacement for Connect's JsonConverter without schemas, for a sink that stores JSON: a record's
 * value stays text.
 *
 * <p>The converted value is bytes, with {@link #SCHEMA}: one JSON document, compact, in UTF-8 without
 * escapes, which {@link S3SinkTask} stores as a line. Most values are exactly the bytes from Kafka. It
 * refuses the same values, and treats the same ones as missing, as JsonConverter; docs/decisions/0016
 * lists the differences. A transform that reads the fields of a value needs JsonConverter.
 *
 * <p>Not safe for several threads, as Connect creates one for each task.
 */
public final class JsonLineConverter implements Converter {
  /** Schema of a value that is JSON text, which distinguishes it from other bytes. */
  static final Schema SCHEMA =
      SchemaBuilder.bytes().name("io.github.pinterestpipeline.connect.s3.JsonLine").build();

  static final String SCHEMAS = "schemas.enable";

  private static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(SCHEMAS, ConfigDef.Type.BOOLEAN, false, ConfigDef.Importance.LOW,
              "Whether each value includes a schema. Only false is valid; the property exists so that "
                  + "JsonConverter's configuration can stay.");

  private final CompactJson compact = new CompactJson();
  private final JsonReader reader = new JsonReader();
  private final JsonLine json = new JsonLine();

  /** Returns whether a schema is that of JSON text. */
  static boolean isJson(Schema schema) {
    return schema == SCHEMA || schema != null && SCHEMA.name().equals(schema.name());
  }

  @Override
  public ConfigDef config() {
    return DEFINITION;
  }

  /**
   * @throws ConfigException {@code schemas.enable} is true
   */
  @Override
  public void configure(Map<String, ?> properties, boolean isKey) {
    if ((boolean) DEFINITION.parse(properties).get(SCHEMAS)) {
      throw new ConfigException(
          SCHEMAS, true, "it must be false; for values with a schema use Connect's JsonConverter");
    }
  }

  /**
   * Returns the text of a JSON document; null for no bytes and for the document {@code null}.
   *
   * @throws DataException the bytes are not a JSON document, or one that cannot be written
   */
  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    if (value == null) {
      return SchemaAndValue.NULL;
    }
    if (compact.isObject(value)) {
      return new SchemaAndValue(SCHEMA, value);
    }
    Object document;
    try {
      document = reader.read(value);
    } catch (IOException e) {
      throw new DataException(
          "Converting byte[] to Kafka Connect data failed: it is not JSON: " + reason(e), e);
    }
    return document == null
        ? SchemaAndValue.NULL
        : new SchemaAndValue(SCHEMA, json.bytes(null, document));
  }

  private static String reason(IOException failure) {
    if (failure instanceof JsonProcessingException refused && refused.getLocation() != null) {
      JsonLocation place = refused.getLocation();
      return refused.getOriginalMessage() + ", at line " + place.getLineNr() + ", column "
          + place.getColumnNr();
    }
    return failure.getMessage();
  }

  /**
   * Returns the JSON of a value of any converter.
   *
   * @throws DataException it has no form in JSON
   */
  @Override
  public byte[] fromConnectData(String topic, Schema schema, Object value) {
    return value == null ? null : json.bytes(schema, value);
  }
}
