package io.github.pinterestpipeline.kafka.auth;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.config.ConfigException;

/**
 * Names and secrets from a file of lines {@code name:secret}. Everything after the first colon is
 * the secret, so it may contain characters that JAAS and a properties file would have to escape.
 */
final class Secrets {
  /** Option of the login module, in {@code sasl.jaas.config}, that names the file. */
  static final String OPTION = "secrets";

  private Secrets() {}

  /**
   * Reads the file that a listener's JAAS configuration names.
   *
   * @return secret by name
   * @throws ConfigException the configuration names no file, or the file cannot be read
   */
  static Map<String, String> read(List<AppConfigurationEntry> jaas) {
    String file = option(jaas, OPTION);
    Map<String, String> secrets = new HashMap<>();
    try {
      for (String line : Files.readAllLines(Path.of(file), StandardCharsets.UTF_8)) {
        int colon = line.indexOf(':');
        if (colon < 1 || colon == line.length() - 1) {
          throw new ConfigException(OPTION, file, "each line must be name:secret");
        }
        secrets.put(line.substring(0, colon), line.substring(colon + 1));
      }
    } catch (IOException e) {
      throw new ConfigException(OPTION, file, e.toString());
    }
    return secrets;
  }

  /**
   * Returns an option of the listener's JAAS configuration.
   *
   * @throws ConfigException the option is missing
   */
  static String option(List<AppConfigurationEntry> jaas, String name) {
    for (AppConfigurationEntry entry : jaas) {
      Object value = entry.getOptions().get(name);
      if (value != null) {
        return value.toString();
      }
    }
    throw new ConfigException("sasl.jaas.config has no option " + name);
  }
}
