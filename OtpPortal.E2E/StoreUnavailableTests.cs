using System.Net;
using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

public sealed class StoreUnavailableStage : Stage;

/// <summary>Tests a temporary outage of Redis.</summary>
public sealed class StoreUnavailableTests(StoreUnavailableStage stage) : BrowserTest(stage), IClassFixture<StoreUnavailableStage>
{
    [Fact]
    public async Task Pages_return_503_during_an_outage_and_an_open_code_page_works_afterwards()
    {
        var ann = await OpenBrowserAsync();
        ann.IgnoreConsoleErrors("status of 503");
        var code = await BeginAsync(ann);
        var right = await Mailbox.CodeAsync(ann.Address);

        await stage.Redis!.StopAsync();
        await code.TypeAsync(right);
        await Expect(code.Error).ToContainTextAsync("We can't reach the server right now");
        await Expect(code.Field).ToHaveValueAsync(right);

        await Until.TrueAsync("the portal's notice of it", () => Portal.AnswersAsync("/readyz", HttpStatusCode.ServiceUnavailable));
        var other = new AddressPage(await ann.OpenTabAsync());
        var answer = await other.Page.GotoAsync("/");
        answer!.Status.ShouldBe(503);
        (await answer.HeaderValueAsync("Retry-After")).ShouldNotBeNull();
        await Expect(other.Heading).ToHaveTextAsync("Temporarily unavailable");

        await stage.Redis.StartAsync();
        await Until.TrueAsync("the portal's recovery", () => Portal.AnswersAsync("/readyz", HttpStatusCode.OK));
        await other.Page.ReloadAsync();
        await other.BecomesInteractiveAsync();
        await code.SignIn.ClickAsync();
        await SignedInPage.IsShownAsync(code.Page, ann.Address);
        await other.Page.ReloadAsync();
        await SignedInPage.IsShownAsync(other.Page, ann.Address);
    }
}
