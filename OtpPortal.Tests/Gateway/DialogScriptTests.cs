using System.IO.Compression;
using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Gateway;

/// <summary><c>/static/otp.js</c>, as other people's pages load it.</summary>
public sealed class DialogScriptTests(GatewayPortal gateway) : IClassFixture<GatewayPortal>
{
    private readonly Browserlike _visitor = gateway.Host.NewBrowser();

    [Fact]
    public async Task It_is_small()
    {
        var script = (await _visitor.GetAsync("/static/otp.js")).Body;

        script.ShouldContain("window.OTPGateway");
        using var compressed = new MemoryStream();
        await using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal, leaveOpen: true))
            await gzip.WriteAsync(Encoding.UTF8.GetBytes(script));
        compressed.Length.ShouldBeLessThan(4096);
    }

    [Fact]
    public async Task Browsers_take_it_for_a_script_and_notice_a_new_one()
    {
        var first = await _visitor.GetAsync("/static/otp.js");
        first.Status.ShouldBe(200);
        first.ContentType.ShouldStartWith("text/javascript");
        // Its name stays the same: it may be kept, but is asked about before it is used.
        first.Header("Cache-Control").ShouldBe("no-cache");
        first.Cookies.ShouldBeEmpty();

        var again = await _visitor.GetAsync("/static/otp.js", ("If-None-Match", first.Header("ETag").ShouldNotBeNull()));

        again.Status.ShouldBe(304);
    }

    [Fact]
    public async Task The_style_sheet_of_otpgateways_own_script_is_there()
    {
        var sheet = await _visitor.GetAsync("/static/otp.css");

        sheet.Status.ShouldBe(200);
        sheet.ContentType.ShouldStartWith("text/css");
        string[] parts = ["#otpgateway-modal-wrap", "#otpgateway-modal", "#otpgateway-frame", ".otpgateway-spinner"];
        foreach (var part in parts) sheet.Body.ShouldContain(part + " {");
    }

    [Fact]
    public async Task What_goes_wrong_in_the_frame_is_told_in_the_frame()
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
    public async Task In_a_frame_the_address_keeps_the_language(string query, string language, string kept)
    {
        var (id, _) = await gateway.App.BeginAsync();

        var page = await _visitor.GetAsync($"/otp/MyApp/{id}{query}");

        page.Find("html")!.GetAttribute("lang").ShouldBe(language);
        page.Find("main form")!.GetAttribute("action").ShouldBe($"/otp/MyApp/{id}{kept}");
    }

    [Fact]
    public async Task The_language_switch_leads_back_to_the_page()
    {
        var (id, code) = await gateway.App.BeginAsync();
        var path = $"/otp/MyApp/{id}?otp={code}";

        (await _visitor.PostAsync("/language", ("lang", "de"), ("back", path))).Location.ShouldBe(path);
        (await _visitor.PostAsync("/language", ("lang", "de"), ("back", "/otpx"))).Location.ShouldBe("/otpx", "any page of the portal");
    }
}
