package io.github.pinterestpipeline.dbfs;

import io.delta.storage.LocalLogStore;
import io.github.pinterestpipeline.delta.S3ConditionalLogStore;
import java.io.IOException;
import java.util.Iterator;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;

/**
 * Delta's log in DBFS: below a mount, a commit is a conditional PUT; elsewhere, it is a rename that
 * replaces no file. Either way, the second of two commits of one version fails.
 */
public class DbfsLogStore extends LocalLogStore {

  private final S3ConditionalLogStore mounted;

  public DbfsLogStore(Configuration configuration) {
    super(configuration);
    mounted = new S3ConditionalLogStore(configuration);
  }

  @Override
  public void write(
      Path path, Iterator<String> actions, Boolean overwrite, Configuration configuration)
      throws IOException {
    Path target = mounted(path, configuration);
    if (target == null) {
      super.write(path, actions, overwrite, configuration);
    } else {
      mounted.write(target, actions, overwrite, configuration);
    }
  }

  @Override
  public Boolean isPartialWriteVisible(Path path, Configuration configuration)
      throws IOException {
    return mounted(path, configuration) == null;
  }

  private static Path mounted(Path path, Configuration configuration) throws IOException {
    return ((DbfsFileSystem) path.getFileSystem(configuration)).mounted(path);
  }
}
