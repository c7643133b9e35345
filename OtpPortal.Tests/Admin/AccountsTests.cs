using System.Text.Json;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Admin;

/// <summary>The admin page for service accounts.</summary>
public sealed class AccountsTests : IAsyncLifetime
{
    private const string Path = "/admin/accounts";

    private PortalHost _portal = null!;
    private BrowserClient _admin = null!;

    public async Task InitializeAsync()
    {
        _portal = await PortalHost.StartAsync(V2Portal.Setting);
        _admin = await _portal.OpenAdministrationAsync();
    }

    public async Task DisposeAsync() => await _portal.DisposeAsync();

    private async Task<string> CreateAsync(string name, string hosts = "")
    {
        var answer = await _admin.PostAsync(Path, ("name", name), ("hosts", hosts));
        (answer.Status, answer.Location).ShouldBe((303, Path));
        var page = await _admin.GetAsync(Path);
        page.Header("Cache-Control").ShouldBe("no-store");
        page.Find("[role=status] h2")!.TextContent.ShouldBe($"Key for {name}");
        return page.Find("#new-key")!.TextContent;
    }

    private async Task<JsonElement[]> ListAsync() =>
        [.. (await _portal.NewApiClient().GetAsync("/service-accounts", ("Authorization", "Bearer " + PortalHost.Secret))).Json
            .EnumerateArray()];

    [Fact]
    public async Task The_key_of_a_new_account_is_shown_once_and_only_to_its_creator()
    {
        var other = await _portal.OpenAdministrationAsync();
        (await _admin.PostAsync(Path, ("name", "Shop"), ("hosts", ""))).Status.ShouldBe(303);
        (await other.GetAsync(Path)).Find("#new-key").ShouldBeNull("it was not created by another administrator");
        (await _admin.SendAsync(HttpMethod.Head, Path, null)).Status.ShouldBe(200, "reading the headers consumes no quota");
        var dump = _portal.Dump().Text;

        var key = (await _admin.GetAsync(Path)).Find("#new-key")!.TextContent;

        (await _admin.GetAsync(Path)).Find("#new-key").ShouldBeNull("once");
        (await new V2Client(_portal, key).NewOtpAsync()).Otp.Length.ShouldBe(6);
        dump.ShouldContain("admin:account:");
        dump.ShouldNotContain(key, Case.Sensitive, "the value that crosses the redirect is encrypted");
        _portal.Log.Text.ShouldNotContain(key);
        (await new V2Client(_portal, key).PostAsync("admin/service-account/create", new { })).Status
            .ShouldBe(403, "it does not belong to an administrator");
    }

    [Fact]
    public async Task The_list_shows_names_ids_and_hosts_but_no_keys()
    {
        var key = await CreateAsync("Shop <b>", "app.example.com, *.apps.example.com\n localhost:8080");
        await new V2Client(_portal, V2Portal.AdminKey).NewAccountAsync();

        var page = await _admin.GetAsync(Path);

        var rows = page.Page.QuerySelectorAll("tbody tr");
        rows.Length.ShouldBe(2);
        var texts = rows.Select(row => row.Children.Select(cell => cell.TextContent.Trim()).ToArray()).ToArray();
        var made = (await ListAsync()).Single(account => account.GetProperty("name").GetString() == "Shop <b>");
        var shop = texts.Single(cells => cells[0] == "Shop <b>");
        shop[1].ShouldBe(made.GetProperty("uuid").GetString() + made.GetProperty("aud").GetString());
        shop[2].ShouldBe("app.example.com, *.apps.example.com, localhost:8080");
        shop[3].ShouldBe("2026-03-01 12:00");
        var nameless = texts.Single(cells => cells[0] == "–");
        nameless[2].ShouldBe("any");
        page.Body.ShouldNotContain(key);
        page.Body.ShouldNotContain(V2Portal.AdminKey);
        page.Text.ShouldContain(V2Portal.AdminId);
        var link = await new V2Client(_portal, key)
            .PostAsync("magic-link/create", new { magicLinkCreateParams = new { redirectURL = "https://elsewhere.example/" } });
        link.Status.ShouldBe(400, "the hosts count");
    }

    [Fact]
    public async Task Removing_an_account_revokes_its_key_and_is_idempotent()
    {
        var (shop, blog) = (new V2Client(_portal, await CreateAsync("Shop")), new V2Client(_portal, await CreateAsync("Blog")));
        var id = (await ListAsync()).Single(account => account.GetProperty("name").GetString() == "Shop").GetProperty("uuid").GetString()!;
        var form = (await _admin.GetAsync(Path)).Page.QuerySelectorAll("tbody tr")
            .Single(row => row.TextContent.Contains("Shop", StringComparison.Ordinal)).QuerySelector("form")!;
        form.QuerySelector("[name=id]")!.GetAttribute("value").ShouldBe(id);

        for (var i = 0; i < 2; i++)
        {
            var answer = await _admin.PostAsync(form.GetAttribute("action")!, ("id", id));
            (answer.Status, answer.Location).ShouldBe((303, Path));
        }

        (await shop.PostAsync("otp/create", new { otpCreateParams = new { } })).Status.ShouldBe(401);
        (await blog.NewOtpAsync()).Otp.ShouldNotBeEmpty();
        (await ListAsync()).ShouldHaveSingleItem().GetProperty("name").GetString().ShouldBe("Blog");
        (await _admin.PostAsync(Path + "/remove", ("id", "nonsense"))).Status.ShouldBe(400);
        var log = await Eventually.GetAsync(
            async () => (await _admin.GetAsync("/admin/audit.jsonl")).Body is var lines
                && lines.Contains("account_removed", StringComparison.Ordinal) ? lines : null);
        log.Split('\n')
            .Count(line => line.Contains("account_removed", StringComparison.Ordinal)
                && line.Contains(id, StringComparison.Ordinal) && line.Contains("\"by\":\"key\"", StringComparison.Ordinal)).ShouldBe(1);
        log.Split('\n').Count(line => line.Contains("account_created", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Theory]
    [InlineData("", "", "#name-error", "Enter a name of 1 to 100 characters.")]
    [InlineData("a\tb", "", "#name-error", "Enter a name of 1 to 100 characters.")]
    [InlineData("Shop", "https://app.example.com", "#hosts-error",
        "Enter up to 50 hosts, such as app.example.com, app.example.com:8443 or *.example.com.")]
    [InlineData("Shop", "app.example.com, *.com", "#hosts-error",
        "Enter up to 50 hosts, such as app.example.com, app.example.com:8443 or *.example.com.")]
    public async Task Invalid_input_is_rejected_and_kept_in_the_form(string name, string hosts, string place, string error)
    {
        var answer = await _admin.PostAsync(Path, ("name", name), ("hosts", hosts));

        answer.Status.ShouldBe(400);
        answer.Find(place)!.TextContent.ShouldBe(error);
        answer.Page.QuerySelectorAll(".portal-error").Length.ShouldBe(1);
        answer.Find("#name")!.GetAttribute("value").ShouldBe(name);
        answer.Find("#hosts")!.GetAttribute("value").ShouldBe(hosts);
        (await ListAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Names_and_host_lists_over_the_maximum_length_are_rejected()
    {
        (await _admin.PostAsync(Path, ("name", new string('n', 101)))).Status.ShouldBe(400);
        (await _admin.PostAsync(Path, ("name", "Shop"), ("hosts", string.Join(',', Enumerable.Repeat("a.example.com", 51))))).Status
            .ShouldBe(400);
        (await ListAsync()).ShouldBeEmpty();
        (await CreateAsync(new string('n', 100), string.Join(',', Enumerable.Repeat("a.example.com", 50)))).ShouldNotBeEmpty();
    }
}
