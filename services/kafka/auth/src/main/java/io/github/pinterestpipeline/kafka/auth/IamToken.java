package io.github.pinterestpipeline.kafka.auth;

import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import javax.security.auth.login.LoginException;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;

/**
 * A login of MSK's IAM access control over OAUTHBEARER, as AWS' signers for Java and Python make
 * it: the base64url form of a presigned URL of the action {@code kafka-cluster:Connect}. The signature
 * alone proves it, so verifying it needs no request to AWS.
 */
record IamToken(String value, String principalName, Long startTimeMs, long lifetimeMs)
    implements OAuthBearerToken {
  private static final String ACTION = "kafka-cluster:Connect";
  private static final String SERVICE = "kafka-cluster";
  private static final Duration LONGEST = Duration.ofMinutes(15);
  private static final Duration CLOCK_SKEW = Duration.ofMinutes(5);
  private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'");
  /** Parameters that are not signed; the signers add the second after signing. */
  private static final Set<String> UNSIGNED = Set.of("X-Amz-Signature", "User-Agent");

  /**
   * Checks a token.
   *
   * @param token as the client sent it
   * @param secrets secret access key by access key
   * @param region of the cluster
   * @param now the current time
   * @throws LoginException with the reason, which does not contain the signature
   */
  static IamToken verify(String token, Map<String, String> secrets, String region, Instant now)
      throws LoginException {
    URI url = url(token);
    TreeMap<String, String> query = query(url);
    String host = "kafka." + region + ".amazonaws.com";
    expect("host", host, String.valueOf(url.getHost()));
    expect("Action", ACTION, text(query, "Action"));
    expect("X-Amz-Algorithm", SignatureV4.ALGORITHM, text(query, "X-Amz-Algorithm"));
    expect("X-Amz-SignedHeaders", "host", text(query, "X-Amz-SignedHeaders"));

    String credential = text(query, "X-Amz-Credential");
    int slash = Math.max(credential.indexOf('/'), 0);
    String accessKey = credential.substring(0, slash);
    String scope = credential.substring(slash + 1);
    String time = text(query, "X-Amz-Date");
    String date = time.substring(0, Math.min(8, time.length()));
    expect("scope", String.join("/", date, region, SERVICE, "aws4_request"), scope);

    Instant signed = signed(time);
    Instant expires = signed.plus(validity(text(query, "X-Amz-Expires")));
    if (now.isAfter(expires)) {
      throw new LoginException("the token expired at " + expires);
    }
    if (signed.isAfter(now.plus(CLOCK_SKEW))) {
      throw new LoginException("the token was signed at " + signed + ", which is in the future");
    }

    String secret = secrets.get(accessKey);
    if (secret == null) {
      throw new LoginException("unknown access key " + accessKey);
    }
    String given = text(query, "X-Amz-Signature");
    query.keySet().removeAll(UNSIGNED);
    String path = url.getRawPath().isEmpty() ? "/" : url.getRawPath();
    String right = SignatureV4.of(secret, scope, time, host, path, query);
    if (!MessageDigest.isEqual(bytes(right), bytes(given))) {
      throw new LoginException(
          "the signature is not the one that the secret of access key " + accessKey + " gives");
    }
    return new IamToken(token, accessKey, signed.toEpochMilli(), expires.toEpochMilli());
  }

  private static URI url(String token) throws LoginException {
    try {
      URI url = URI.create(new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8));
      if (url.getRawQuery() != null && "https".equals(url.getScheme())) {
        return url;
      }
    } catch (IllegalArgumentException e) {
      // Not base64url, or not a URL: the error below is the same.
    }
    throw new LoginException("the token is not the base64url form of a signed https URL");
  }

  private static TreeMap<String, String> query(URI url) throws LoginException {
    TreeMap<String, String> query = new TreeMap<>();
    for (String parameter : url.getRawQuery().split("&")) {
      String[] parts = parameter.split("=", 2);
      if (query.put(parts[0], parts.length > 1 ? parts[1] : "") != null) {
        throw new LoginException(parts[0] + " occurs twice");
      }
    }
    return query;
  }

  private static String text(Map<String, String> query, String name) throws LoginException {
    String raw = query.get(name);
    if (raw == null) {
      throw new LoginException(name + " is missing");
    }
    try {
      return URLDecoder.decode(raw, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new LoginException(name + " can't be decoded");
    }
  }

  private static void expect(String name, String right, String found) throws LoginException {
    if (!right.equals(found)) {
      throw new LoginException(name + " is " + found + ", not " + right);
    }
  }

  private static Instant signed(String time) throws LoginException {
    try {
      return LocalDateTime.parse(time, TIME).toInstant(ZoneOffset.UTC);
    } catch (DateTimeException e) {
      throw new LoginException("X-Amz-Date is " + time + ", which is no time");
    }
  }

  private static Duration validity(String seconds) throws LoginException {
    try {
      Duration validity = Duration.ofSeconds(Long.parseLong(seconds));
      if (validity.toSeconds() > 0 && validity.compareTo(LONGEST) <= 0) {
        return validity;
      }
    } catch (NumberFormatException | ArithmeticException e) {
      // The same error as for a number out of bounds.
    }
    throw new LoginException(
        "X-Amz-Expires is " + seconds + ", not from 1 to " + LONGEST.toSeconds() + " s");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public Set<String> scope() {
    return Set.of();
  }

  @Override
  public String toString() {
    return "a token of " + principalName; // the default would show the signature
  }
}
