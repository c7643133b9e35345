namespace OtpPortal.Http;

/// <summary>The headers that keep browsers from helping an attacker: on every answer, in one place.</summary>
public static class SecurityHeaders
{
    public static void UseSecurityHeaders(this IApplicationBuilder app, PortalSettings portal)
    {
        var policy = ContentSecurityPolicy(portal);
        app.Use(async (context, next) =>
        {
            var headers = context.Response.Headers;
            headers.ContentSecurityPolicy = policy;
            headers.XFrameOptions = "DENY";
            headers.XContentTypeOptions = "nosniff";
            // The link in a message carries the code: its address goes nowhere else. Not no-referrer: with that, browsers send "Origin:
            // null" with our own forms, and the same-site check needs the origin.
            headers["Referrer-Policy"] = "same-origin";
            headers["Cross-Origin-Opener-Policy"] = "same-origin";
            headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), otp-credentials=(self)";
            if (portal.IsHttps) headers.StrictTransportSecurity = "max-age=31536000; includeSubDomains";
            await next(context);
        });
    }

    /// <summary>Lets one page take scripts, frames and the like from elsewhere too; <paramref name="sources"/> are by directive.</summary>
    public static void Widen(HttpResponse response, IReadOnlyDictionary<string, string> sources) =>
        response.Headers.ContentSecurityPolicy = Widen(response.Headers.ContentSecurityPolicy.ToString(), sources);

    /// <summary>
    /// Lets the forms of one page end at an app's address. Browsers hold every redirect after a form to <c>form-action</c>, also those by
    /// which the app goes on from there, to origins that nobody here knows: so the scheme is allowed, not the host. Where a form leads
    /// first is decided elsewhere.
    /// </summary>
    public static void LetFormsLeadTo(HttpResponse response, string address) =>
        Widen(response, new Dictionary<string, string>(StringComparer.Ordinal) { ["form-action"] = new Uri(address).Scheme + ":" });

    /// <summary>Lets pages of these origins show this page in a frame; without any nobody may.</summary>
    public static void AllowFraming(HttpResponse response, IReadOnlyList<string> origins)
    {
        if (origins.Count == 0) return;
        response.Headers.ContentSecurityPolicy = response.Headers.ContentSecurityPolicy.ToString()
            .Replace("frame-ancestors 'none'", "frame-ancestors " + string.Join(' ', origins), StringComparison.Ordinal);
        // It knows no list; where both are sent, frame-ancestors counts alone (CSP 3, 6.4.2.1), but old browsers would refuse.
        response.Headers.Remove("X-Frame-Options");
    }

    internal static string Widen(string policy, IReadOnlyDictionary<string, string> sources)
    {
        var directives = policy.Split("; ").ToList();
        foreach (var (directive, more) in sources)
        {
            var place = directives.FindIndex(line => line.StartsWith(directive + " ", StringComparison.Ordinal));
            // A directive that is not there follows default-src: 'self'.
            if (place < 0) directives.Add($"{directive} 'self' {more}");
            else directives[place] += " " + more;
        }
        return string.Join("; ", directives);
    }

    // Scripts only from our own files: injected markup cannot run anything. Styles may be inline, because the component library sets
    // sizes that way. Nobody may frame the portal (clickjacking), and forms go to us or, by redirect after signing in, to
    // ALLOWED_REDIRECTS.
    internal static string ContentSecurityPolicy(PortalSettings portal)
    {
        var images = portal.LogoUrl is null ? "" : " " + portal.LogoUrl.GetLeftPart(UriPartial.Authority);
        var redirects = string.Concat(portal.Redirects.FormActionSources.Select(source => " " + source));
        return "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            + $"img-src 'self' data:{images}; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'self'; "
            + $"frame-ancestors 'none'; form-action 'self'{redirects}";
    }
}
