package io.github.pinterestpipeline.dbfs;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.DelegateToFileSystem;

/** DBFS for Hadoop's FileContext, with which Spark writes checkpoints. */
public class Dbfs extends DelegateToFileSystem {

  public Dbfs(URI uri, Configuration conf) throws IOException, URISyntaxException {
    super(DbfsFileSystem.NAME, new DbfsFileSystem(), conf, "dbfs", false);
  }
}
