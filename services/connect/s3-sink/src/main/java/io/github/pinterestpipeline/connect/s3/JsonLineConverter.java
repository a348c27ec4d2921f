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
 * Connect's JsonConverter without schemas, for a sink that stores the JSON: a record's value stays
 * the text that it is.
 *
 * <p>The value that it gives is bytes, with {@link #SCHEMA}: one JSON document, compact, in UTF-8
 * that isn't escaped, which {@link S3SinkTask} stores as a line. Most are the very bytes that came
 * from Kafka. The same is refused and the same is no value as with JsonConverter; what differs is in
 * docs/decisions/0016. For a transform that looks into a value there is nothing to look into: it
 * needs JsonConverter.
 *
 * <p>As Connect gives one to each task, it isn't safe for several threads.
 */
public final class JsonLineConverter implements Converter {
  /** Schema of a value that is JSON's text, so that it can be told from other bytes. */
  static final Schema SCHEMA =
      SchemaBuilder.bytes().name("io.github.pinterestpipeline.connect.s3.JsonLine").build();

  static final String SCHEMAS = "schemas.enable";

  private static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(SCHEMAS, ConfigDef.Type.BOOLEAN, false, ConfigDef.Importance.LOW,
              "Whether a schema is around each value. It can't be; so that JsonConverter's own "
                  + "configuration can stay.");

  private final CompactJson compact = new CompactJson();
  private final JsonReader reader = new JsonReader();
  private final JsonLine json = new JsonLine();

  /** Whether a schema is that of a JSON text. */
  static boolean isJson(Schema schema) {
    return schema == SCHEMA || schema != null && SCHEMA.name().equals(schema.name());
  }

  @Override
  public ConfigDef config() {
    return DEFINITION;
  }

  /**
   * @throws ConfigException values with schemas are asked for
   */
  @Override
  public void configure(Map<String, ?> properties, boolean isKey) {
    if ((boolean) DEFINITION.parse(properties).get(SCHEMAS)) {
      throw new ConfigException(
          SCHEMAS, true, "it must be false; for values with a schema use Connect's JsonConverter");
    }
  }

  /**
   * Returns the text of a JSON document; nothing for no bytes and for the document {@code null}.
   *
   * @throws DataException the bytes are no JSON document, or one that can't be written again
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
   * Returns a value of any converter as JSON.
   *
   * @throws DataException it has no form in JSON
   */
  @Override
  public byte[] fromConnectData(String topic, Schema schema, Object value) {
    return value == null ? null : json.bytes(schema, value);
  }
}
