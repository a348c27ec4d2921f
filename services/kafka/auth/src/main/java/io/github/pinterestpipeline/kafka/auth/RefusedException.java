package io.github.pinterestpipeline.kafka.auth;

/** A login is refused; the message says why, and is what the client is told. */
final class RefusedException extends Exception {
  RefusedException(String reason) {
    super(reason);
  }
}
