using Amazon.Runtime;
using Amazon.Runtime.Credentials;

namespace OtpPortal.Delivery.Aws;

/// <summary>Finds the credentials of requests to AWS.</summary>
internal static class AwsCredentials
{
    /// <summary>
    /// Returns the access key of the settings. Without one, returns what the AWS SDK finds: a profile, or the role of the container or the
    /// machine. The SDK caches and refreshes these.
    /// </summary>
    public static async Task<ImmutableCredentials> GetAsync(AwsSmsSettings settings, CancellationToken stop)
    {
        if (settings.AccessKey is { } key) return new ImmutableCredentials(key.Id, key.Secret, token: null);
        // The SDK blocks the thread while it asks the metadata service, and takes no cancellation token.
        return await Task.Run(FindAsync, stop).WaitAsync(stop);
    }

    private static async Task<ImmutableCredentials> FindAsync() =>
        await (await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync()).GetCredentialsAsync();
}
