package io.github.pinterestpipeline.connect.s3;

/** The store did not do what it was asked. */
final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean refused;

  /**
   * @param refused whether the store answered that it won't do it (no such bucket, access denied),
   *     rather than not answer, or answer that it can't for now
   */
  StoreException(String message, boolean refused, Throwable cause) {
    super(message, cause);
    this.refused = refused;
  }

  boolean isRefused() {
    return refused;
  }
}
