using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Mvc;

namespace OtpPortal.Http;

/// <summary>Endpoint conventions that several modules share.</summary>
internal static class EndpointConventions
{
    /// <summary>Prevents caching of the responses.</summary>
    public static TBuilder NoStore<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder => endpoints.AddEndpointFilter(static (context, next) =>
        {
            context.HttpContext.Response.Headers.CacheControl = "no-store";
            return next(context);
        });

    /// <summary>Limits the body size. Larger bodies get 413.</summary>
    public static TBuilder MaxBody<TBuilder>(this TBuilder endpoints, int bytes)
        where TBuilder : IEndpointConventionBuilder => endpoints.WithMetadata(new RequestSizeLimitAttribute(bytes));

    /// <summary>Registers an authentication scheme, and a policy of the same name that requires it.</summary>
    public static void AddScheme<THandler>(this IServiceCollection services, string name)
        where THandler : AuthenticationHandler<AuthenticationSchemeOptions>
    {
        services.AddAuthentication().AddScheme<AuthenticationSchemeOptions, THandler>(name, configureOptions: null);
        services.AddAuthorizationBuilder().AddPolicy(name, policy => policy.AddAuthenticationSchemes(name).RequireAuthenticatedUser());
    }
}
