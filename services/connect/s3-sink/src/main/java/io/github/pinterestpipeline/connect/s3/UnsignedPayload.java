package io.github.pinterestpipeline.connect.s3;

import java.util.concurrent.CompletableFuture;
import software.amazon.awssdk.http.SdkHttpRequest;
import software.amazon.awssdk.http.auth.aws.scheme.AwsV4AuthScheme;
import software.amazon.awssdk.http.auth.aws.signer.AwsV4HttpSigner;
import software.amazon.awssdk.http.auth.spi.signer.AsyncSignRequest;
import software.amazon.awssdk.http.auth.spi.signer.AsyncSignedRequest;
import software.amazon.awssdk.http.auth.spi.signer.SignRequest;
import software.amazon.awssdk.http.auth.spi.signer.SignedRequest;
import software.amazon.awssdk.identity.spi.AwsCredentialsIdentity;
import software.amazon.awssdk.identity.spi.IdentityProvider;
import software.amazon.awssdk.identity.spi.IdentityProviders;

/**
 * Signs requests to a plain-HTTP endpoint as the SDK does over HTTPS (Signature version 4): everything
 * but the body.
 *
 * <p>Over plain HTTP the SDK also signs the body, chunk by chunk, and has no option against it. The signer
 * therefore receives the request as one over HTTPS; the signature does not cover the protocol.
 */
final class UnsignedPayload implements AwsV4AuthScheme {
  private static final int HTTP_PORT = 80;
  private static final int HTTPS_PORT = 443;

  private final AwsV4AuthScheme scheme = AwsV4AuthScheme.create();

  @Override
  public String schemeId() {
    return SCHEME_ID;
  }

  @Override
  public IdentityProvider<AwsCredentialsIdentity> identityProvider(IdentityProviders providers) {
    return scheme.identityProvider(providers);
  }

  @Override
  public AwsV4HttpSigner signer() {
    return new Signer(scheme.signer());
  }

  private record Signer(AwsV4HttpSigner signer) implements AwsV4HttpSigner {
    @Override
    public SignedRequest sign(SignRequest<? extends AwsCredentialsIdentity> request) {
      return signed(request);
    }

    private <T extends AwsCredentialsIdentity> SignedRequest signed(SignRequest<T> request) {
      SdkHttpRequest plain = request.request();
      // The Host header, which is signed, contains the port unless it is the protocol's default.
      int port = plain.port() == HTTP_PORT ? HTTPS_PORT : plain.port();
      SdkHttpRequest secure =
          plain.toBuilder().protocol("https").port(port).build();
      SignedRequest signed =
          signer.sign(
              request.toBuilder()
                  .request(secure)
                  .putProperty(PAYLOAD_SIGNING_ENABLED, false)
                  .build());
      return signed.toBuilder()
          .request(
              signed.request().toBuilder().protocol(plain.protocol()).port(plain.port()).build())
          .build();
    }

    @Override
    public CompletableFuture<AsyncSignedRequest> signAsync(
        AsyncSignRequest<? extends AwsCredentialsIdentity> request) {
      return signer.signAsync(request);
    }
  }
}
