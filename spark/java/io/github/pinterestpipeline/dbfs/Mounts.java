package io.github.pinterestpipeline.dbfs;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.hadoop.util.JsonSerialization;

/** The mounts of DBFS, read from their file whenever it has changed. */
final class Mounts {

  private record State(List<Object> version, TreeMap<String, String> sources) {}

  private final Path file;
  private volatile State state = new State(List.of(), new TreeMap<>());

  Mounts(Path file) {
    this.file = file;
  }

  /** The mount that a path is in: its point, and its source without a slash at the end; or null. */
  Map.Entry<String, String> of(String path) throws IOException {
    for (Map.Entry<String, String> mount : sources().entrySet()) {
      if (path.equals(mount.getKey()) || path.startsWith(mount.getKey() + "/")) {
        return mount;
      }
    }
    return null;
  }

  /** Names of the folders that mount points below a folder need in it. */
  List<String> children(String folder) throws IOException {
    String start = folder.equals("/") ? folder : folder + "/";
    return sources().keySet().stream()
        .filter(point -> point.startsWith(start))
        .map(point -> point.substring(start.length()).split("/")[0])
        .distinct()
        .toList();
  }

  @SuppressWarnings("unchecked")
  private Map<String, String> sources() throws IOException {
    try {
      BasicFileAttributes found = Files.readAttributes(file, BasicFileAttributes.class);
      // Python replaces the file, so that its key (the inode) differs after each change.
      List<Object> version =
          List.of(found.lastModifiedTime(), found.size(), String.valueOf(found.fileKey()));
      if (!version.equals(state.version)) {
        var json = new JsonSerialization<>(TreeMap.class, false, false);
        state = new State(version, json.load(file.toFile()));
      }
      return state.sources;
    } catch (NoSuchFileException | FileNotFoundException none) {
      return Map.of();
    }
  }
}
