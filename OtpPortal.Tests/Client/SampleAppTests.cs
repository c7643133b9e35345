using System.Diagnostics;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Client;

/// <summary>Runs <c>examples/dotnet-app</c> against a real portal.</summary>
public sealed class SampleAppTests
{
    [Fact]
    public async Task A_user_of_the_sample_app_signs_in_through_the_portal()
    {
        await using var portal = await PortalHost.StartAsync(("ALLOWED_REDIRECTS", "127.0.0.1"));
        var address = new Uri($"http://127.0.0.1:{FreePort.Next()}");
        var start = ExampleProgram.Start(
            "dotnet", ExampleProgram.Built("dotnet-app", "DotnetApp"), "--urls", address.GetLeftPart(UriPartial.Authority));
        start.Environment["PORTAL_URL"] = portal.Address.AbsoluteUri;
        using var app = Process.Start(start)!;
        app.BeginOutputReadLine();
        app.BeginErrorReadLine();
        try
        {
            var (email, browser) = (TestUser.New(), portal.NewBrowser());
            using var stranger = new BrowserClient(address);
            await Eventually.BeTrueAsync(async () =>
            {
                app.HasExited.ShouldBeFalse();
                try
                {
                    return (await stranger.GetAsync("/open")).Text.Contains("Everybody may read this", StringComparison.Ordinal);
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            });

            var sent = await stranger.GetAsync("/");
            sent.Status.ShouldBe(302);
            (await stranger.GetAsync("/api/me", ("Accept", "application/json"))).Status.ShouldBe(401);
            await browser.GetAsync(new Uri(sent.Location!).PathAndQuery);
            await browser.PostAsync("/login", ("email", email));
            var back = await browser.PostAsync("/login-otp", ("code", await portal.CodeForAsync(email)));
            back.Location.ShouldBe(address.AbsoluteUri);
            using var visitor = new BrowserClient(address);
            visitor.Cookies["auth_token"] = browser.Cookies["auth_token"];

            (await visitor.GetAsync("/")).Text.ShouldContain($"You are signed in as {email}");
            (await visitor.GetAsync("/api/me")).Json.GetProperty("email").GetString().ShouldBe(email);
        }
        finally
        {
            app.Kill();
            await app.WaitForExitAsync();
        }
    }
}
