using Amazon.Runtime;
using Amazon.Runtime.Credentials;

namespace OtpPortal.Delivery.Aws;

/// <summary>Gets the credentials for AWS requests.</summary>
internal static class AwsCredentials
{
    /// <summary>
    /// Returns the configured access key, or else the credentials that the AWS SDK finds: a profile, or the role of the
    /// container or machine. The SDK caches and refreshes them.
    /// </summary>
    public static async Task<ImmutableCredentials> GetAsync(AwsSmsSettings settings, CancellationToken stop)
    {
        if (settings.AccessKey is { } key) return new ImmutableCredentials(key.Id, key.Secret, token: null);
        // The SDK blocks the thread while it calls the metadata service, and accepts no cancellation token.
        return await Task.Run(FindAsync, stop).WaitAsync(stop);
    }

    private static async Task<ImmutableCredentials> FindAsync() =>
        await (await DefaultAWSCredentialsIdentityResolver.GetCredentialsAsync()).GetCredentialsAsync();
}
