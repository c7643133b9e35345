using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Localization;
using OtpPortal.Http;

namespace OtpPortal.Components.Localization;

/// <summary>Selects the language of a page: the user's choice (a cookie), or else Accept-Language, or else English.</summary>
public static class LanguageServices
{
    private const string Cookie = "otp_lang";

    /// <summary>The supported languages, with their native names.</summary>
    public static readonly IReadOnlyDictionary<string, string> Names = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["en"] = "English",
        ["de"] = "Deutsch",
        ["fr"] = "Français",
        ["es"] = "Español",
        ["zh"] = "中文",
    };

    public static WebApplicationBuilder AddLanguages(this WebApplicationBuilder builder)
    {
        builder.Services.AddLocalization();
        builder.Services.Configure<RequestLocalizationOptions>(options =>
        {
            var cultures = Names.Keys.Select(name => new CultureInfo(name)).ToList();
            options.DefaultRequestCulture = new RequestCulture("en");
            options.SupportedCultures = cultures;
            options.SupportedUICultures = cultures;
            options.ApplyCurrentCultureToResponseHeaders = true;
            options.RequestCultureProviders =
            [
                new CustomRequestCultureProvider(
                    context => Task.FromResult(ChosenInAddress(context.Request) is { } name ? new ProviderCultureResult(name) : null)),
                new CustomRequestCultureProvider(context => Task.FromResult(
                    context.Request.Cookies[Cookie] is { } name && Names.ContainsKey(name) ? new ProviderCultureResult(name) : null)),
                new AcceptLanguageHeaderRequestCultureProvider(),
            ];
        });
        return builder;
    }

    public static void MapLanguages(this IEndpointRouteBuilder routes, PortalSettings portal) =>
        routes.MapPost("/language", async (HttpContext context) =>
        {
            var form = context.Request.HasFormContentType
                ? await context.Request.ReadFormAsync(context.RequestAborted) : FormCollection.Empty;
            var name = form["lang"].ToString();
            if (!Names.ContainsKey(name)) return PageErrors.Page(context, StatusCodes.Status400BadRequest);
            context.Response.Cookies.Append(Cookie, name, new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Lax,
                Secure = portal.IsHttps,
                MaxAge = TimeSpan.FromDays(365),
            });
            context.Response.Headers.Location = ReturnUrl(form["back"].ToString());
            return TypedResults.StatusCode(StatusCodes.Status303SeeOther);
        });

    /// <summary>
    /// Returns the language in the URL, or null. It applies to pages in a frame of another site, where browsers keep no cookie,
    /// and to circuits, which use the language of their page.
    /// </summary>
    internal static string? ChosenInAddress(HttpRequest request) =>
        request.Query["lang"].ToString() is { } name && Names.ContainsKey(name)
            && (request.Query["view"] == "popup" || request.Path.StartsWithSegments("/_blazor", StringComparison.Ordinal))
            ? name
            : null;

    // Allows any page of the portal, but nothing that leads elsewhere (//evil, /\evil) or is invalid in a header (line breaks,
    // non-ASCII characters).
    private static string ReturnUrl(string back) =>
        back.Length <= 2048 && back.All(c => c is > ' ' and <= '~' and not '\\') && RedirectHttpResult.IsLocalUrl(back) && back[0] == '/'
            ? back : "/";
}
