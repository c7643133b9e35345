using Amazon.Runtime;
using Amazon.Runtime.Endpoints;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Auth;
using Endpoint = Amazon.Runtime.Endpoints.Endpoint;

namespace OtpPortal.Delivery.Aws;

/// <summary>Signs requests to one AWS service with Signature Version 4, using the AWS SDK.</summary>
internal sealed class AwsRequestSigner(Uri url, string region, string service)
{
    private readonly ServiceConfig _config = new(region, service);

    /// <summary>Creates a signed POST request with these headers.</summary>
    public HttpRequestMessage Sign(
        byte[] body, IEnumerable<KeyValuePair<string, string>> headers, ImmutableCredentials credentials, DateTimeOffset now)
    {
        var signed = new DefaultRequest(new Call(), service) { HttpMethod = HttpMethod.Post.Method, Endpoint = url, Content = body };
        foreach (var (name, value) in headers) signed.Headers[name] = value;
        if (credentials.UseToken) signed.Headers["X-Amz-Security-Token"] = credentials.Token;
        var signature = new AWS4Signer().SignRequest(signed, _config, null, credentials.AccessKey, credentials.SecretKey, now.UtcDateTime);

        var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
        foreach (var (name, value) in signed.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, value)) request.Content.Headers.TryAddWithoutValidation(name, value);
        }
        request.Headers.TryAddWithoutValidation("Authorization", signature.ForAuthorizationHeader);
        return request;
    }

    private sealed class Call : AmazonWebServiceRequest;

    // The signer requires a client configuration.
    private sealed class ServiceConfig : ClientConfig
    {
        public ServiceConfig(string region, string service)
            : base(null)
        {
            RegionEndpointServiceName = service;
            AuthenticationRegion = region;
            AuthenticationServiceName = service;
        }

        public override string RegionEndpointServiceName { get; }

        public override string ServiceVersion => "";

        public override string UserAgent => "";

        public override Endpoint DetermineServiceOperationEndpoint(ServiceOperationEndpointParameters parameters) =>
            throw new NotSupportedException();
    }
}
