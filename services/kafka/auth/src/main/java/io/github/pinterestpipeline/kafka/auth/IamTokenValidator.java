package io.github.pinterestpipeline.kafka.auth;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.LoginException;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerExtensionsValidatorCallback;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/**
 * Broker side of SASL/OAUTHBEARER: checks a login as MSK's IAM access control does, with access keys in
 * a file. Options in {@code sasl.jaas.config}: {@code secrets}, the file, and {@code region}. It checks
 * who a client is, but not what the client may do (IAM's policies).
 */
public final class IamTokenValidator implements AuthenticateCallbackHandler {
  private Map<String, String> secrets = Map.of();
  private String region = "";

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> jaas) {
    secrets = Secrets.read(jaas);
    region = Secrets.option(jaas, "region");
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    for (Callback callback : callbacks) {
      if (callback instanceof OAuthBearerValidatorCallback login) {
        check(login);
      } else if (callback instanceof OAuthBearerExtensionsValidatorCallback extensions) {
        extensions.inputExtensions().map().keySet().forEach(extensions::valid);
      } else {
        throw new UnsupportedCallbackException(callback);
      }
    }
  }

  private void check(OAuthBearerValidatorCallback login) {
    try {
      login.token(IamToken.verify(login.tokenValue(), secrets, region, Instant.now()));
    } catch (LoginException e) {
      // Kafka copies the status into JSON without escaping it.
      String reason = e.getMessage().replaceAll("[\\p{Cntrl}\"\\\\]", "?");
      login.error("invalid_token: " + reason, null, null);
    }
  }

  @Override
  public void close() {}
}
