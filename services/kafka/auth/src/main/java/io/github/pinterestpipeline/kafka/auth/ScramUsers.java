package io.github.pinterestpipeline.kafka.auth;

import java.security.GeneralSecurityException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.NameCallback;
import javax.security.auth.callback.UnsupportedCallbackException;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.ScramCredentialCallback;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;

/**
 * Broker side of SASL/SCRAM: users and passwords from a file, as MSK takes them from Secrets
 * Manager. Option in {@code sasl.jaas.config}: {@code secrets}, the file. Kafka's own store of users is
 * in its data and can be filled only while the broker runs; a password in the file is valid from the
 * first connection on, and changes with a restart.
 */
public final class ScramUsers implements AuthenticateCallbackHandler {
  private static final int ITERATIONS = 8192;

  private final Map<String, ScramCredential> users = new HashMap<>();

  @Override
  public void configure(
      Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> jaas) {
    try {
      ScramFormatter formatter = new ScramFormatter(ScramMechanism.forMechanismName(mechanism));
      Secrets.read(jaas)
          .forEach((user, secret) -> users.put(user, formatter.generateCredential(secret, ITERATIONS)));
    } catch (GeneralSecurityException e) {
      throw new ConfigException("mechanism " + mechanism + " is not available: " + e);
    }
  }

  @Override
  public void handle(Callback[] callbacks) throws UnsupportedCallbackException {
    String user = null;
    for (Callback callback : callbacks) {
      if (callback instanceof NameCallback name) {
        user = name.getDefaultName();
      } else if (callback instanceof ScramCredentialCallback credential) {
        credential.scramCredential(users.get(user)); // Kafka refuses a user without one
      } else {
        throw new UnsupportedCallbackException(callback);
      }
    }
  }

  @Override
  public void close() {}
}
