package io.github.pinterestpipeline.connect.s3;

/** A request to the store failed. */
final class StoreException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean refused;

  /**
   * @param refused whether the store refused the request (no such bucket, access denied), rather than
   *     not answering or being unavailable for now
   */
  StoreException(String message, boolean refused, Throwable cause) {
    super(message, cause);
    this.refused = refused;
  }

  boolean isRefused() {
    return refused;
  }
}
