package io.github.pinterestpipeline.dbfs;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.PathIsNotEmptyDirectoryException;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.security.AccessControlException;
import org.apache.hadoop.util.Progressable;

/**
 * DBFS: a local folder (<code>fs.dbfs.root</code>) with mounts in S3.
 *
 * <p>The mounts are in <code>mounts.json</code> next to the folder, which is read again when it
 * changes: every session and every JVM sees a new mount at once. Files have no checksums, since
 * Python's file functions write them as well. A rename of a local file never replaces another one,
 * on which Delta's log and Spark's checkpoints rely. Messages name paths of DBFS.
 */
public class DbfsFileSystem extends FileSystem {

  /** The setting that names the local folder of DBFS. */
  public static final String ROOT = "fs.dbfs.root";

  static final URI NAME = URI.create("dbfs:///");
  private static final LinkOption ITSELF = LinkOption.NOFOLLOW_LINKS;

  /** Reads and writes streams only: for permissions it would start a process for each file. */
  private final RawLocalFileSystem local = new RawLocalFileSystem();

  private java.nio.file.Path root;
  private Mounts mounts;
  private Path workingDirectory = new Path(NAME);

  @Override
  public void initialize(URI name, Configuration conf) throws IOException {
    super.initialize(name, conf);
    setConf(conf);
    String folder = conf.get(ROOT);
    if (folder == null) {
      throw new IOException(ROOT + " must name the local folder of DBFS");
    }
    root = java.nio.file.Path.of(folder).toRealPath();
    mounts = new Mounts(root.resolveSibling("mounts.json"));
    local.initialize(URI.create("file:///"), conf);
  }

  @Override
  public String getScheme() {
    return NAME.getScheme();
  }

  @Override
  public URI getUri() {
    return NAME;
  }

  @Override
  public Path getWorkingDirectory() {
    return workingDirectory;
  }

  @Override
  public void setWorkingDirectory(Path folder) {
    workingDirectory = makeQualified(folder);
  }

  /** The path in S3 that a path below a mount stands for; null for a local one. */
  Path mounted(Path path) throws IOException {
    Place place = new Place(path);
    return place.mount == null ? null : place.target;
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    return at(path, place -> place.checked().open(place.target, bufferSize));
  }

  @Override
  public FSDataOutputStream create(
      Path path,
      FsPermission permission,
      boolean overwrite,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    return at(
        path,
        place ->
            place
                .checked()
                .create(place.target, overwrite, bufferSize, replication, blockSize, progress));
  }

  @Override
  public FSDataOutputStream append(Path path, int bufferSize, Progressable progress)
      throws IOException {
    return at(path, place -> place.checked().append(place.target, bufferSize, progress));
  }

  /** Rename within a mount, or outside of all; return false if the goal is a file. */
  @Override
  public boolean rename(Path from, Path to) throws IOException {
    return at(
        from,
        source -> {
          Place goal = new Place(to);
          source.refuseMountPoint();
          if (!Objects.equals(source.mount, goal.mount)) {
            throw new IOException(
                "Cannot rename %s to %s, which are in different mounts: copy it"
                    .formatted(source.path, goal.path));
          }
          if (source.mount != null) {
            return source.files().rename(source.target, goal.target);
          }
          boolean into = Files.isDirectory(goal.file) && !goal.file.equals(source.file);
          return move(source, into ? new Place(new Path(goal.path, source.path.getName())) : goal);
        });
  }

  /** Move a local file or folder in one step; return false if the goal exists. */
  private static boolean move(Place source, Place goal) throws IOException {
    source.requireInside(source.file.getParent());
    goal.requireInside(goal.file.getParent());
    if (!Files.exists(source.file, ITSELF) || !Files.isDirectory(goal.file.getParent())) {
      return false;
    }
    if (!Files.isDirectory(source.file, ITSELF)) {
      try {
        // It fails if the goal exists, unlike a move.
        Files.createLink(goal.file, source.file);
        Files.delete(source.file);
        return true;
      } catch (UnsupportedOperationException | IOException error) {
        // The goal exists, or the disk has no links.
      }
    }
    if (Files.exists(goal.file, ITSELF) || goal.file.startsWith(source.file)) {
      return false;
    }
    Files.move(source.file, goal.file, StandardCopyOption.ATOMIC_MOVE);
    return true;
  }

  /** The rename of FileContext, with which Spark writes checkpoints. */
  @Override
  @SuppressWarnings("deprecation")
  protected void rename(Path from, Path to, Options.Rename... options) throws IOException {
    Place source = new Place(from);
    Place goal = new Place(to);
    if (source.mount != null || goal.mount != null || !Files.isRegularFile(source.file)) {
      super.rename(from, to, options);
    } else if (Arrays.asList(options).contains(Options.Rename.OVERWRITE)) {
      goal.requireInside(goal.file.getParent());
      at(from, p -> Files.move(p.file, goal.file, StandardCopyOption.ATOMIC_MOVE));
    } else if (!at(from, p -> move(p, goal))) {
      throw new FileAlreadyExistsException("Cannot rename %s to %s".formatted(from, to));
    }
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    return at(
        path,
        place -> {
          place.refuseMountPoint();
          if (place.mount != null) {
            return place.files().delete(place.target, recursive);
          }
          place.requireInside(place.file.getParent());
          if (!Files.exists(place.file, ITSELF)) {
            return false;
          }
          if (recursive) {
            return FileUtil.fullyDelete(place.file.toFile()); // of a link, the link alone
          }
          try {
            Files.delete(place.file);
          } catch (DirectoryNotEmptyException error) {
            throw new PathIsNotEmptyDirectoryException(place.path.toString());
          }
          return true;
        });
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    return at(
        path,
        place -> {
          if (place.mount != null) {
            return place.files().mkdirs(place.target);
          }
          place.requireInside(place.file);
          try {
            Files.createDirectories(place.file);
          } catch (java.nio.file.FileAlreadyExistsException error) {
            throw new FileAlreadyExistsException(place.path + " is not a folder");
          }
          return true;
        });
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    return at(
        path,
        place -> {
          if (place.isMountPoint() || place.isAboveMount() && !Files.exists(place.file)) {
            return folder(place.path);
          }
          return place.mount == null
              ? place.status()
              : renamed(place.files().getFileStatus(place.target), place.path);
        });
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    return at(
        path,
        place -> {
          if (place.mount == null) {
            return list(place);
          }
          List<FileStatus> found = new ArrayList<>();
          for (FileStatus status : place.files().listStatus(place.target)) {
            Path one = status.getPath();
            boolean self = one.equals(place.target); // of a file, the list has the file itself
            found.add(renamed(status, self ? place.path : child(place.path, one.getName())));
          }
          return found.toArray(FileStatus[]::new);
        });
  }

  private FileStatus[] list(Place place) throws IOException {
    TreeMap<String, FileStatus> found = new TreeMap<>();
    for (String name : mounts.children(place.name())) {
      found.put(name, folder(child(place.path, name)));
    }
    if (found.isEmpty() || Files.exists(place.file)) {
      FileStatus own = place.status();
      if (!own.isDirectory()) {
        return new FileStatus[] {own};
      }
      try (var files = Files.newDirectoryStream(place.file)) {
        for (java.nio.file.Path file : files) {
          String name = file.getFileName().toString();
          if (!found.containsKey(name)) {
            try {
              found.put(name, new Place(child(place.path, name)).status());
            } catch (NoSuchFileException | AccessControlException error) {
              continue; // deleted meanwhile, or a link to nothing or out of DBFS
            }
          }
        }
      }
    }
    return found.values().toArray(FileStatus[]::new);
  }

  private static Path child(Path folder, String name) {
    return new Path(folder, new Path(null, null, name)); // the name may contain a colon
  }

  private static FileStatus folder(Path path) {
    return new FileStatus(0, true, 1, 0, 0, path);
  }

  private static FileStatus renamed(FileStatus of, Path path) {
    return new FileStatus(
        of.getLen(), of.isDirectory(), 1, of.getBlockSize(), of.getModificationTime(), path);
  }

  private interface Call<T> {
    T on(Place place) throws IOException;
  }

  /** Call a function on a path; its errors name paths of DBFS. */
  private <T> T at(Path path, Call<T> call) throws IOException {
    Place place = new Place(path);
    try {
      return call.on(place);
    } catch (NoSuchFileException error) {
      throw new FileNotFoundException("No such file or directory: " + place.path);
    } catch (java.nio.file.AccessDeniedException error) {
      if (place.mount == null) {
        throw new AccessControlException("Permission denied: " + place.path);
      }
      throw place.renamed(error);
    } catch (IOException error) {
      throw place.renamed(error);
    }
  }

  /** A path of DBFS with what it stands for. */
  private final class Place {
    final Path path;
    /** Point and source of the mount that the path is in, or null. */
    final Map.Entry<String, String> mount;
    /** The path in S3, or the local path. */
    final Path target;
    /** The local file, unless the path is in S3. */
    final java.nio.file.Path file;

    Place(Path given) throws IOException {
      checkPath(given);
      path = makeQualified(given);
      mount = mounts.of(name());
      if (mount == null) {
        file = root.resolve(name().substring(1)).normalize();
        if (!file.startsWith(root)) {
          throw new FileNotFoundException("No such file or directory: " + path);
        }
        target = new Path("file", null, file.toString());
      } else {
        file = null;
        URI source = new Path(mount.getValue()).toUri();
        String key = source.getPath() + name().substring(mount.getKey().length());
        target = new Path(source.getScheme(), source.getAuthority(), key.isEmpty() ? "/" : key);
      }
    }

    String name() {
      return path.toUri().getPath();
    }

    FileSystem files() throws IOException {
      return mount == null ? local : target.getFileSystem(getConf());
    }

    /** The file system of the target, which is in the folder of DBFS or in S3. */
    FileSystem checked() throws IOException {
      if (file != null) {
        requireInside(file);
      }
      return files();
    }

    FileStatus status() throws IOException {
      requireInside(file);
      BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
      long size = found.isDirectory() ? 0 : found.size();
      long modified = found.lastModifiedTime().toMillis();
      return new FileStatus(
          size, found.isDirectory(), 1, getDefaultBlockSize(path), modified, path);
    }

    /** Refuse a file that is behind a link out of DBFS. */
    void requireInside(java.nio.file.Path wanted) throws IOException {
      java.nio.file.Path there = wanted.startsWith(root) ? wanted : root;
      while (!Files.exists(there, ITSELF)) {
        there = there.getParent();
      }
      if (!there.toRealPath().startsWith(root)) {
        throw new AccessControlException(path + " is behind a link out of DBFS");
      }
    }

    boolean isMountPoint() {
      return mount != null && mount.getKey().equals(name());
    }

    boolean isAboveMount() throws IOException {
      return !mounts.children(name()).isEmpty();
    }

    void refuseMountPoint() throws IOException {
      if (name().equals("/") || isMountPoint() || isAboveMount()) {
        throw new IOException(path + " is the root of DBFS or has mounts: unmount them");
      }
    }

    /** The same error, with the path of DBFS in place of what it stands for. */
    IOException renamed(IOException error) {
      String message = String.valueOf(error.getMessage());
      String renamed =
          mount == null
              ? message.replace("file:" + root, "dbfs:").replace(root.toString(), "dbfs:")
              : message.replace(mount.getValue(), "dbfs:" + mount.getKey());
      if (renamed.equals(message)) {
        return error;
      }
      IOException found;
      try {
        found = error.getClass().getConstructor(String.class).newInstance(renamed);
      } catch (ReflectiveOperationException other) {
        found = new IOException(renamed);
      }
      found.setStackTrace(error.getStackTrace());
      return found;
    }
  }
}
