using System.Text.RegularExpressions;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Http;

/// <summary>Security headers of all kinds of responses.</summary>
public sealed class SecurityHeadersTests(PortalHost portal) : IClassFixture<PortalHost>
{
    [Theory]
    [InlineData("/")]
    [InlineData("/nothing")]
    [InlineData("/auth-tokens")]
    [InlineData("/css/portal.css")]
    [InlineData("/dev/mailbox")]
    [InlineData("/otp/MyApp/whose-link-carries-a-code")]
    public async Task Pages_and_APIs_have_the_security_headers(string path)
    {
        var answer = await portal.NewBrowser().GetAsync(path);

        answer.Header("Content-Security-Policy").ShouldNotBeNull();
        answer.Header("X-Frame-Options").ShouldBe("DENY");
        answer.Header("X-Content-Type-Options").ShouldBe("nosniff");
        answer.Header("Referrer-Policy").ShouldBe("same-origin");
        answer.Header("Cross-Origin-Opener-Policy").ShouldBe("same-origin");
        answer.Header("Permissions-Policy").ShouldNotBeNull().ShouldContain("otp-credentials=(self)");
        answer.Header("Strict-Transport-Security").ShouldBeNull("PUBLIC_URL is http here");
        answer.Header("Server").ShouldBeNull();
    }

    [Theory]
    [InlineData("/check-auth")]
    [InlineData("/forward-auth")]
    [InlineData("/healthz")]
    public async Task Checks_by_programs_have_only_the_header_against_sniffing(string path)
    {
        var answer = await portal.NewBrowser().GetAsync(path);

        answer.Header("X-Content-Type-Options").ShouldBe("nosniff");
        answer.Header("Content-Security-Policy").ShouldBeNull("no page, and a proxy waits for the response to each request");
        answer.Header("Server").ShouldBeNull();
    }

    [Fact]
    public async Task The_CSP_blocks_foreign_scripts_and_framing()
    {
        var policy = (await portal.NewBrowser().GetAsync("/")).Header("Content-Security-Policy")!
            .Split(';', StringSplitOptions.TrimEntries);

        policy.ShouldContain("default-src 'self'");
        policy.ShouldContain("script-src 'self'");
        policy.ShouldContain("object-src 'none'");
        policy.ShouldContain("base-uri 'self'");
        policy.ShouldContain("frame-ancestors 'none'");
        policy.ShouldContain("form-action 'self'");
        policy.ShouldAllBe(directive => !directive.StartsWith("script-src", StringComparison.Ordinal)
            || !directive.Contains("unsafe", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_documented_CSP_directives_are_sent()
    {
        var policy = (await portal.NewBrowser().GetAsync("/")).Header("Content-Security-Policy")!
            .Split(';', StringSplitOptions.TrimEntries);

        var documented = Regex.Matches(
            RepositoryRoot.Read("docs", "security.md"), "`((?:[a-z]+-src|base-uri|frame-ancestors|form-action) '[a-z]+')`").Select(
                match => match.Groups[1].Value).ToList();
        documented.ShouldNotBeEmpty();
        documented.ShouldBeSubsetOf(policy);
    }

    [Fact]
    public async Task Sends_HSTS_over_https_and_allows_the_logo_in_the_CSP()
    {
        await using var https = await PortalHost.StartAsync(
            ("PUBLIC_URL", "https://login.example.com"), ("LOGO_URL", "https://cdn.example.com/img/logo.svg"), ("ACCENT_COLOR", "#102030"),
            ("APP_NAME", "<Our & App>"));

        var answer = await https.NewBrowser().GetAsync("/");

        answer.Header("Strict-Transport-Security").ShouldNotBeNull().ShouldContain("max-age=31536000");
        answer.Header("Content-Security-Policy").ShouldNotBeNull().ShouldContain("img-src 'self' data: https://cdn.example.com;");
        answer.Find("header img")!.GetAttribute("src").ShouldBe("https://cdn.example.com/img/logo.svg");
        answer.Find("style")!.TextContent.ShouldContain("--portal-accent: #102030");
        answer.Text.ShouldContain("<Our & App>");
        answer.Body.ShouldNotContain("<Our");
    }

    [Fact]
    public async Task Internationalized_hosts_are_sent_in_Punycode()
    {
        await using var international = await PortalHost.StartAsync(
            ("LOGO_URL", "https://bücher.example/logo.svg"), ("EMBED_ORIGINS", "https://läden.example"), ("NAMESPACES", "MyApp:secret"));

        var page = await international.NewBrowser().GetAsync("/");
        page.Status.ShouldBe(200);
        page.Header("Content-Security-Policy").ShouldNotBeNull().ShouldContain("img-src 'self' data: https://xn--bcher-kva.example;");
        (await international.NewBrowser().GetAsync("/otp/MyApp/some-id")).Header("Content-Security-Policy").ShouldNotBeNull()
            .ShouldContain("frame-ancestors https://xn--lden-loa.example;");
    }

    [Fact]
    public async Task The_scripts_of_the_page_are_served_and_none_are_inline()
    {
        var page = await portal.NewBrowser().GetAsync("/");
        var scripts = page.Page.QuerySelectorAll("script[src]")
            .SelectMany(script => new[] { script.GetAttribute("src")!, script.GetAttribute("data-blazor")! }).ToList();

        scripts.Count.ShouldBe(2);
        page.Page.QuerySelectorAll("script:not([src])").Where(script => script.GetAttribute("type") is null or "text/javascript")
            .ShouldBeEmpty();
        foreach (var script in scripts)
        {
            var answer = await portal.NewBrowser().GetAsync("/" + script.TrimStart('/'));
            answer.Status.ShouldBe(200);
            answer.Body.Length.ShouldBeGreaterThan(1000, "an empty script would disable the page");
            answer.ContentType.ShouldStartWith("text/javascript");
        }
    }
}
