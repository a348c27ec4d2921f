package io.github.pinterestpipeline.connect.s3;

/** The version of this plugin, as its jar's manifest has it. */
final class Version {
  static final String TEXT = read();

  private Version() {}

  private static String read() {
    String version = Version.class.getPackage().getImplementationVersion();
    return version == null ? "unpackaged" : version;
  }
}
