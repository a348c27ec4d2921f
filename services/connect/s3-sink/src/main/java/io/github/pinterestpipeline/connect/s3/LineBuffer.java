package io.github.pinterestpipeline.connect.s3;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.zip.CRC32;

/** The lines of an object before it is stored. */
final class LineBuffer extends OutputStream {
  private static final int INITIAL = 1 << 10;

  private byte[] data = new byte[INITIAL];
  private int size;
  private int lines;

  @Override
  public void write(int value) {
    reserve(1);
    data[size++] = (byte) value;
  }

  @Override
  public void write(byte[] bytes, int from, int length) {
    reserve(length);
    System.arraycopy(bytes, from, data, size, length);
    size += length;
  }

  /** Ends the line that was written. */
  void endLine() {
    write('\n');
    lines++;
  }

  /** Removes everything that was written since the buffer had that size. */
  void truncate(int formerSize) {
    size = formerSize;
  }

  void clear() {
    size = 0;
    lines = 0;
  }

  boolean isEmpty() {
    return lines == 0;
  }

  /** Returns the number of bytes. */
  int size() {
    return size;
  }

  int lines() {
    return lines;
  }

  /** Returns a stream of the bytes, not copied: valid until the buffer changes. */
  InputStream open() {
    return new ByteArrayInputStream(data, 0, size);
  }

  /** Returns a copy of the bytes. */
  byte[] bytes() {
    return Arrays.copyOf(data, size);
  }

  /** Returns the CRC-32 of the bytes in base64, as S3 expects it. */
  String checksum() {
    CRC32 crc = new CRC32();
    crc.update(data, 0, size);
    byte[] value = ByteBuffer.allocate(Integer.BYTES).putInt((int) crc.getValue()).array();
    return Base64.getEncoder().encodeToString(value);
  }

  private void reserve(int more) {
    if (size + more > data.length) {
      data = Arrays.copyOf(data, Math.max(data.length * 2, size + more));
    }
  }
}
