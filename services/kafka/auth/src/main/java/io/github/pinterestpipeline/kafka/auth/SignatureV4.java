package io.github.pinterestpipeline.kafka.auth;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * AWS Signature Version 4 of a presigned GET without a body whose only signed header is the host, by
 * "Signature Version 4 signing process" in the IAM User Guide.
 */
final class SignatureV4 {
  static final String ALGORITHM = "AWS4-HMAC-SHA256";

  private SignatureV4() {}

  /**
   * Computes the signature.
   *
   * @param secret secret access key
   * @param scope date, region, service and {@code aws4_request}, joined by slashes
   * @param time of signing, in the form of {@code X-Amz-Date}
   * @param query signed parameters, encoded as they are in the URL, in the order of their names
   * @return lower-case hexadecimal digits
   */
  static String of(
      String secret,
      String scope,
      String time,
      String host,
      String path,
      SortedMap<String, String> query) {
    StringBuilder parameters = new StringBuilder();
    for (Map.Entry<String, String> parameter : query.entrySet()) {
      parameters.append(parameters.isEmpty() ? "" : "&");
      parameters.append(parameter.getKey()).append('=').append(parameter.getValue());
    }
    String request =
        String.join("\n", "GET", path, parameters, "host:" + host, "", "host", sha256(""));
    byte[] key = ("AWS4" + secret).getBytes(StandardCharsets.UTF_8);
    for (String part : scope.split("/")) {
      key = hmac(key, part);
    }
    String toSign = String.join("\n", ALGORITHM, time, scope, sha256(request));
    return HexFormat.of().formatHex(hmac(key, toSign));
  }

  private static byte[] hmac(byte[] key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has HmacSHA256", e);
    }
  }

  private static String sha256(String text) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
