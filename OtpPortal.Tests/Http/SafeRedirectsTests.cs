using OtpPortal.Http;

namespace OtpPortal.Tests.Http;

/// <summary>Redirect targets, including known open-redirect attacks.</summary>
public sealed class SafeRedirectsTests
{
    private static readonly SafeRedirects s_redirects =
        SafeRedirects.Parse("ok.example.com", "ported.example.com:8443", "*.apps.example", "localhost", "127.0.0.1:5000", "[2001:db8::1]");

    [Theory]
    [InlineData("https://ok.example.com")]
    [InlineData("https://ok.example.com/")]
    [InlineData("https://ok.example.com/path?q=1&r=https://evil.example/#top")]
    [InlineData("https://ok.example.com?q=1")]
    [InlineData("https://ok.example.com#top")]
    [InlineData("https://OK.Example.com/")]
    [InlineData("HTTPS://ok.example.com/")]
    [InlineData("https://ok.example.com:443/")]
    [InlineData("https://ok.example.com:9999/")]
    [InlineData("https://ported.example.com:8443/")]
    [InlineData("https://a.apps.example/")]
    [InlineData("https://a.b.apps.example/")]
    [InlineData("http://localhost/")]
    [InlineData("http://localhost:8080/")]
    [InlineData("https://localhost:8080/")]
    [InlineData("http://127.0.0.1:5000/")]
    [InlineData("https://[2001:db8::1]/")]
    [InlineData("https://[2001:db8::1]:8443/x")]
    [InlineData("https://ok.example.com/a@b")]
    [InlineData("https://ok.example.com/%2f%2fevil.example")]
    public void Allows_listed_hosts(string url) => s_redirects.Allows(url).ShouldBeTrue();

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/relative")]
    [InlineData("ok.example.com")]
    [InlineData("//ok.example.com/")]
    [InlineData("//evil.example")]
    [InlineData("/\\evil.example")]
    [InlineData("\\\\evil.example")]
    [InlineData("https:evil.example")]
    [InlineData("https:ok.example.com")]
    [InlineData("https:/ok.example.com")]
    [InlineData("https:/evil.example")]
    [InlineData("https:\\\\ok.example.com")]
    [InlineData("https:///ok.example.com")]
    [InlineData("https:////ok.example.com")]
    [InlineData("https://ok.example.com@evil.example/")]
    [InlineData("https://user@ok.example.com/")]
    [InlineData("https://user:pass@ok.example.com/")]
    [InlineData("https://@ok.example.com/")]
    [InlineData("https://ok.example.com\\@evil.example/")]
    [InlineData("https://ok.example.com\\.evil.example/")]
    [InlineData("https://evil.example\\ok.example.com")]
    [InlineData("https://ok.example.com%2eevil.example/")]
    [InlineData("https://ok.example.com%40evil.example/")]
    [InlineData("https%3A%2F%2Fok.example.com")]
    [InlineData("https://ok%2eexample.com/")]
    [InlineData("https://%6fk.example.com/")]
    [InlineData("javascript:alert(1)")]
    [InlineData("JavaScript:alert(1)")]
    [InlineData("javascript://ok.example.com/%0aalert(1)")]
    [InlineData("data:text/html,x")]
    [InlineData("vbscript:x")]
    [InlineData("ftp://ok.example.com/")]
    [InlineData("wss://ok.example.com/")]
    [InlineData("http://ok.example.com/")]
    [InlineData("http://a.apps.example/")]
    [InlineData("http://127.0.0.1:5001/")]
    [InlineData("http://[2001:db8::1]/")]
    [InlineData(" https://ok.example.com/")]
    [InlineData("https://ok.example.com/ ")]
    [InlineData("https://ok.example.com/\r\nSet-Cookie: a=b")]
    [InlineData("https://ok.example.com/\n")]
    [InlineData("ht\ttps://ok.example.com/")]
    [InlineData("https://ok.exam\tple.com/")]
    [InlineData("https://ok.example.com/\0")]
    [InlineData("https://ok.example.com.evil.example/")]
    [InlineData("https://evil.example/ok.example.com")]
    [InlineData("https://evil.example?ok.example.com")]
    [InlineData("https://evil.example#ok.example.com")]
    [InlineData("https://notok.example.com/")]
    [InlineData("https://sub.ok.example.com/")]
    [InlineData("https://ok.example.com./")]
    [InlineData("https://ported.example.com/")]
    [InlineData("https://ported.example.com:443/")]
    [InlineData("https://apps.example/")]
    [InlineData("https://evilapps.example/")]
    [InlineData("https://.apps.example/")]
    [InlineData("https://apps.example.evil.example/")]
    [InlineData("https://ok.example.com:/")]
    [InlineData("https://ok.example.com:80@evil.example/")]
    [InlineData("https://ok.example.com:443:443/")]
    [InlineData("https://ok.example.com:-1/")]
    [InlineData("https://ok.example.com:65536/")]
    [InlineData("https://a..apps.example/")]
    [InlineData("https://ok.example.com;evil.example/")]
    [InlineData("https://ok.example.com,evil.example/")]
    [InlineData("https://öк.example.com/")]
    [InlineData("https://ok。example。com/")]
    [InlineData("https://2130706433/")]
    [InlineData("https://[::1]/")]
    [InlineData("https://[2001:db8::1%25eth0]/")]
    [InlineData("https://[2001:db8::1/")]
    [InlineData("https://[2001:db8::1]evil.example/")]
    public void Refuses_every_other_target(string? url) => s_redirects.Allows(url).ShouldBeFalse();

    [Fact]
    public void Refuses_a_URL_that_is_too_long() =>
        s_redirects.Allows("https://ok.example.com/" + new string('a', 2048)).ShouldBeFalse();

    [Fact]
    public void Allows_nothing_without_a_list() => SafeRedirects.Parse().Allows("https://ok.example.com/").ShouldBeFalse();

    [Theory]
    [InlineData("*")]
    [InlineData("*.com")]
    [InlineData("")]
    [InlineData("https://ok.example.com")]
    [InlineData("ok.example.com/")]
    [InlineData("user@ok.example.com")]
    [InlineData("a.*.example")]
    [InlineData("**.example.com")]
    [InlineData("ok.example.com:70000")]
    [InlineData("-ok.example.com")]
    public void Throws_on_an_overly_broad_or_invalid_entry(string entry) =>
        Should.Throw<ArgumentException>(() => SafeRedirects.Parse(entry));

    [Fact]
    public void Lists_the_allowed_hosts_as_form_action_sources() =>
        s_redirects.FormActionSources.ShouldBe(
        [
            "https://ok.example.com:*", "https://ported.example.com:8443", "https://*.apps.example:*", "https://localhost:*",
            "http://localhost:*",
            "https://127.0.0.1:5000", "http://127.0.0.1:5000", "https://[2001:db8::1]:*",
        ]);
}
