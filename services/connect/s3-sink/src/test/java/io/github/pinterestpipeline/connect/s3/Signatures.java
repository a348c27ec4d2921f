package io.github.pinterestpipeline.connect.s3;

import com.sun.net.httpserver.Headers;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** AWS' signature version 4 as a server computes it, of a request without a query. */
final class Signatures {
  private Signatures() {}

  /** The signature that a request came with. */
  static String given(Headers headers) {
    return part(headers, "Signature=");
  }

  /** The signature that it should have come with. */
  static String of(String method, String path, Headers headers, String secret) {
    StringBuilder canonical = new StringBuilder(method + "\n" + path + "\n\n");
    String names = part(headers, "SignedHeaders=");
    for (String name : names.split(";")) {
      canonical.append(name).append(':').append(headers.getFirst(name).trim()).append('\n');
    }
    canonical.append('\n').append(names).append('\n');
    canonical.append(headers.getFirst("x-amz-content-sha256"));
    String scope = part(headers, "Credential=").replaceFirst("[^/]*/", "");
    String toSign =
        String.join(
            "\n",
            "AWS4-HMAC-SHA256", headers.getFirst("x-amz-date"), scope, sha256(canonical.toString()));
    byte[] key = utf8("AWS4" + secret);
    for (String step : List.of(scope.split("/"))) {
      key = hmac(key, step);
    }
    return HexFormat.of().formatHex(hmac(key, toSign));
  }

  private static String part(Headers headers, String name) {
    String given = headers.getFirst("Authorization");
    return given.substring(given.indexOf(name) + name.length()).split(",")[0];
  }

  private static String sha256(String text) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(utf8(text)));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] hmac(byte[] key, String text) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(utf8(text));
    } catch (GeneralSecurityException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
