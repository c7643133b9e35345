namespace OtpPortal.Http;

/// <summary>
/// Marks endpoints that authenticate by <c>Authorization</c> or <c>X-API-KEY</c> and read no cookie. Another site cannot use a
/// user's session there, so <see cref="SameSiteCheck"/> accepts requests with such a header.
/// </summary>
internal sealed class CredentialsInHeader
{
    public static bool AreSent(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<CredentialsInHeader>() is not null
        && (context.Request.Headers.Authorization.Count > 0 || context.Request.Headers.ContainsKey("X-API-KEY"));
}

internal static class CredentialsInHeaderExtensions
{
    public static TBuilder WithCredentialsInHeader<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new CredentialsInHeader());
}
