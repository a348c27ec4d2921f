package io.github.pinterestpipeline.delta;

import io.delta.storage.S3SingleDriverLogStore;
import java.io.ByteArrayOutputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.util.Arrays;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStreamBuilder;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log on S3, where a commit is one conditional PUT (<code>If-None-Match: *</code>).
 *
 * <p>The log store that Delta has for S3 looks whether the commit's file is there and then writes
 * it: of two processes that commit the same version, one commit is lost without an error. With
 * this one the second process gets the error that Delta's conflict check waits for. Chosen by
 * <code>spark.delta.logStore.s3.impl</code>; on Databricks its own commit service does this.
 */
public class S3ConditionalLogStore extends S3SingleDriverLogStore {

  /** S3A's option: the PUT that ends this file must not overwrite. */
  private static final String CONDITIONAL = "fs.option.create.conditional.overwrite";

  public S3ConditionalLogStore(Configuration configuration) {
    super(configuration);
  }

  @Override
  public void write(
      Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    if (overwrite) {
      super.write(path, actions, true, configuration);
      return;
    }
    FileSystem files = path.getFileSystem(configuration);
    byte[] commit = bytes(actions);
    FSDataOutputStreamBuilder<?, ?> builder = files.createFile(path).overwrite(false);
    builder.must(CONDITIONAL, true);
    try (OutputStream out = builder.build()) {
      out.write(commit);
    } catch (IOException error) {
      // Refused with 412, or an answer that got lost: the file says which. A commit holds an id
      // of its own, so the same bytes are this very commit, stored by an attempt before.
      byte[] stored = read(files, path, error);
      if (!Arrays.equals(commit, stored)) {
        FileAlreadyExistsException taken = new FileAlreadyExistsException(path.toString());
        taken.initCause(error);
        throw taken;
      }
    }
  }

  private static byte[] bytes(Iterator<String> lines) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    while (lines.hasNext()) {
      out.write((lines.next() + "\n").getBytes(StandardCharsets.UTF_8));
    }
    return out.toByteArray();
  }

  private static byte[] read(FileSystem files, Path path, IOException cause) throws IOException {
    try (FSDataInputStream in = files.open(path)) {
      return in.readAllBytes();
    } catch (FileNotFoundException absent) {
      throw cause; // nobody has committed this version: S3 failed
    }
  }
}
