namespace OtpPortal.Http;

/// <summary>Adds the security headers.</summary>
public static class SecurityHeaders
{
    /// <summary>Prevents browsers from guessing the type of a response, for example of JSON as a page.</summary>
    public static void UseNoSniff(this IApplicationBuilder app) => app.Use((context, next) =>
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return next(context);
    });

    /// <summary>Adds the headers that protect pages. Endpoints that only programs call do without them.</summary>
    public static void UseSecurityHeaders(this IApplicationBuilder app, PortalSettings portal)
    {
        var policy = ContentSecurityPolicy(portal);
        app.Use((context, next) =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = policy;
            headers.XFrameOptions = "DENY";
            // Links in messages contain secrets, so other origins must not receive them as a referrer. Not no-referrer:
            // browsers would send "Origin: null" with the portal's own forms, and the same-site check needs the origin.
            headers["Referrer-Policy"] = "same-origin";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), otp-credentials=(self)";
            if (portal.IsHttps) headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
            return next(context);
        });
    }

    /// <summary>Adds sources for one page to the policy. <paramref name="sources"/> are by directive.</summary>
    public static void AddSources(HttpResponse response, IReadOnlyDictionary<string, string> sources) =>
        response.Headers.ContentSecurityPolicy = AddSources(response.Headers.ContentSecurityPolicy.ToString(), sources);

    /// <summary>
    /// Allows the forms of one page to redirect to an app's address. Browsers apply <c>form-action</c> to every redirect after
    /// a form, including the app's own redirects to unknown origins, so the scheme is allowed instead of the host. The first
    /// target is validated elsewhere.
    /// </summary>
    public static void AllowFormRedirectsTo(HttpResponse response, string address) =>
        AddSources(response, new Dictionary<string, string>(StringComparer.Ordinal) { ["form-action"] = new Uri(address).Scheme + ":" });

    /// <summary>Allows pages of these origins to frame this page. Does nothing if there are none.</summary>
    public static void AllowFraming(HttpResponse response, IReadOnlyList<string> origins)
    {
        if (origins.Count == 0) return;
        response.Headers.ContentSecurityPolicy = response.Headers.ContentSecurityPolicy.ToString()
            .Replace("frame-ancestors 'none'", "frame-ancestors " + string.Join(' ', origins), StringComparison.Ordinal);
        // It cannot list origins. Browsers that support frame-ancestors ignore it (CSP 3, 6.4.2.1), but old browsers would
        // refuse the frame.
        response.Headers.Remove("X-Frame-Options");
    }

    internal static string AddSources(string policy, IReadOnlyDictionary<string, string> sources)
    {
        var directives = policy.Split("; ").ToList();
        foreach (var (directive, more) in sources)
        {
            var place = directives.FindIndex(line => line.StartsWith(directive + " ", StringComparison.Ordinal));
            // A missing directive inherits default-src 'self'.
            if (place < 0) directives.Add($"{directive} 'self' {more}");
            else directives[place] += " " + more;
        }
        return string.Join("; ", directives);
    }

    // Scripts only from the portal's own files, so injected markup cannot run code. Inline styles, because the component
    // library sets sizes that way. No framing (clickjacking). Forms post only to the portal or, by redirect after signing in,
    // to ALLOWED_REDIRECTS.
    internal static string ContentSecurityPolicy(PortalSettings portal)
    {
        var images = string.Concat(new[] { portal.LogoUrl, portal.BackgroundUrl }.OfType<Uri>()
            .Select(image => image.GetLeftPart(UriPartial.Authority)).Distinct(StringComparer.Ordinal).Select(origin => " " + origin));
        var redirects = string.Concat(portal.Redirects.FormActionSources.Select(source => " " + source));
        return "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            + $"img-src 'self' data:{images}; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; "
            + $"frame-ancestors 'none'; form-action 'self'{redirects}";
    }
}
