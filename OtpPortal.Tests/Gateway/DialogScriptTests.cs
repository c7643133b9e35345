using System.IO.Compression;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary>Tests <c>/static/otp.js</c>, the script that apps embed.</summary>
public sealed class DialogScriptTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly BrowserClient _visitor = gateway.Host.NewBrowser();

    [Fact]
    public async Task The_compressed_script_is_smaller_than_4_KB()
    {
        var script = (await _visitor.GetAsync("/static/otp.js")).Body;

        script.ShouldContain("window.OTPGateway");
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(script));
        compressed.Length.ShouldBeLessThan(4096);
    }

    [Fact]
    public async Task The_script_is_served_as_JavaScript_and_revalidated()
    {
        var first = await _visitor.GetAsync("/static/otp.js");
        first.Status.ShouldBe(200);
        first.ContentType.ShouldStartWith("text/javascript");
        // The file name carries no version, so browsers must revalidate the script before each use.
        first.Header("Cache-Control").ShouldBe("no-cache");
        first.Cookies.ShouldBeEmpty();

        var again = await _visitor.GetAsync("/static/otp.js", ("If-None-Match", first.Header("ETag").ShouldNotBeNull()));

        again.Status.ShouldBe(304);
    }

    [Fact]
    public async Task Serves_the_style_sheet_of_the_otpgateway_script()
    {
        var sheet = await _visitor.GetAsync("/static/otp.css");

        sheet.Status.ShouldBe(200);
        sheet.ContentType.ShouldStartWith("text/css");
        string[] parts = ["#otpgateway-modal-wrap", "#otpgateway-modal", "#otpgateway-frame", ".otpgateway-spinner"];
        foreach (var part in parts) sheet.Body.ShouldContain(part + " {");
    }

    [Fact]
    public async Task Error_pages_of_the_popup_view_can_be_framed_by_allowed_origins()
    {
        await using var portal = await PortalHost.StartAsync(("NAMESPACES", "MyApp:secret"), ("EMBED_ORIGINS", "https://app.example.com"));
        var visitor = portal.NewBrowser();

        var answer = await visitor.SendAsync(HttpMethod.Post, "/otp/MyApp/some-id?view=popup", new StringContent("no form"));
        var elsewhere = await visitor.SendAsync(HttpMethod.Post, "/login?view=popup", new StringContent("no form"));

        answer.Status.ShouldBe(415);
        answer.Header("Content-Security-Policy")!.ShouldContain("frame-ancestors https://app.example.com");
        answer.Header("X-Frame-Options").ShouldBeNull();
        answer.Find("main a[href='/']").ShouldBeNull("the start page would be refused there");
        elsewhere.Header("X-Frame-Options").ShouldBe("DENY");
    }

    [Theory]
    [InlineData("?view=popup&lang=fr", "fr", "?view=popup&lang=fr")]
    [InlineData("?view=popup&lang=xx", "en", "?view=popup")]
    [InlineData("?lang=fr", "en", "")]
    public async Task The_popup_view_keeps_the_language_in_its_URL(string query, string language, string kept)
    {
        var (id, _) = await gateway.App.BeginAsync();

        var page = await _visitor.GetAsync($"/otp/MyApp/{id}{query}");

        page.Find("html")!.GetAttribute("lang").ShouldBe(language);
        page.Find("main form")!.GetAttribute("action").ShouldBe($"/otp/MyApp/{id}{kept}");
    }

    [Fact]
    public async Task The_language_switch_redirects_back_to_the_page()
    {
        var (id, code) = await gateway.App.BeginAsync();
        var path = $"/otp/MyApp/{id}?otp={code}";

        (await _visitor.PostAsync("/language", ("lang", "de"), ("back", path))).Location.ShouldBe(path);
        (await _visitor.PostAsync("/language", ("lang", "de"), ("back", "/otpx"))).Location.ShouldBe("/otpx", "any page of the portal");
    }
}
