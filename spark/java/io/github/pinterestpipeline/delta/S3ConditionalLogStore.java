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
 * <p>Delta's own log store for S3 checks whether the commit's file exists and then writes it: if
 * two processes commit the same version, one commit is lost without an error. With this class the
 * second process gets the error that Delta's conflict check expects. The setting
 * <code>spark.delta.logStore.s3.impl</code> selects it; on Databricks, the commit service of
 * Databricks takes this part.
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
      // Either S3 refused with 412 or its response was lost; the stored file shows which. Each
      // commit contains a unique id, so equal bytes are this commit, stored by an earlier attempt.
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
      throw cause; // no process has committed this version, so S3 failed
    }
  }
}
