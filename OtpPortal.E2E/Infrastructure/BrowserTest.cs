using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>A test in the browser. Afterwards nobody's console may have complained.</summary>
public abstract class BrowserTest(Stage stage) : IAsyncLifetime
{
    // Far more than any test takes. Some of Playwright's waits have no end of their own: closing what they wait for is one, and the test
    // fails.
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(5);

    private readonly List<Visitor> _visitors = [];
    private readonly CancellationTokenSource _over = new();

    protected Stage Stage => stage;

    protected PortalProcess Portal => stage.Portal;

    protected MailboxClient Mailbox => stage.Portal.Mailbox;

    public virtual Task InitializeAsync() => Task.CompletedTask;

    public virtual async Task DisposeAsync()
    {
        await _over.CancelAsync();
        _over.Dispose();
        foreach (var visitor in _visitors) await visitor.Context.CloseAsync();
        _visitors.SelectMany(visitor => visitor.Complaints)
            .ShouldBeEmpty("The browser's console complained. The portal said:\n" + Portal.Log);
    }

    protected async Task<Visitor> ArriveAsync(Action<BrowserNewContextOptions>? wishes = null)
    {
        var visitor = await Visitor.ArriveAsync(stage, wishes);
        _visitors.Add(visitor);
        _ = CloseInTimeAsync(visitor, _over.Token);
        return visitor;
    }

    protected Task<Visitor> ArriveWithoutScriptAsync() => ArriveAsync(options => options.JavaScriptEnabled = false);

    /// <summary>From the address page to the code page, interactive both.</summary>
    protected static async Task<CodePage> BeginAsync(Visitor visitor, string? address = null, string path = "/")
    {
        var start = await AddressPage.OpenInteractiveAsync(visitor, path);
        var code = await start.SendToAsync(address ?? visitor.Address);
        await code.BecomesInteractiveAsync();
        return code;
    }

    /// <summary>All the way; the n-th message to the address has the code.</summary>
    protected async Task<SignedInPage> SignInAsync(Visitor visitor, string? address = null, int message = 1)
    {
        address ??= visitor.Address;
        var code = await BeginAsync(visitor, address);
        await code.TypeAsync(await Mailbox.CodeAsync(address, message));
        return await SignedInPage.IsShownAsync(code.Page, address);
    }

    /// <summary>From the page that says that a sign-in has ended all the way through another one.</summary>
    protected async Task<SignedInPage> StartAgainAsync(CodePage ended, string address, int message)
    {
        await ended.StartAgain.ClickAsync();
        var start = new AddressPage(ended.Page);
        await Expect(start.Field).ToBeVisibleAsync();
        await start.BecomesInteractiveAsync();
        var code = await start.SendToAsync(address);
        await code.BecomesInteractiveAsync();
        await code.TypeAsync(await Mailbox.CodeAsync(address, message));
        return await SignedInPage.IsShownAsync(code.Page, address);
    }

    private static async Task CloseInTimeAsync(Visitor visitor, CancellationToken over)
    {
        try
        {
            await Task.Delay(s_longest, over);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        await visitor.Context.CloseAsync();
    }

    /// <summary>
    /// What can be said against a page at one width and in one scheme of colours; takes its picture when SCREENSHOTS names a folder.
    /// </summary>
    protected static async Task<IEnumerable<string>> FindingsAsync(PortalPage page, string name, int width, ColorScheme scheme)
    {
        var findings = (await page.AxeFindingsAsync(name)).ToList();
        if (await page.ScrollsSidewaysAsync()) findings.Add($"{name} scrolls sideways at {width} px");
        if (PicturesTheoryAttribute.Folder is { } folder)
        {
            await page.Page.ScreenshotAsync(
                new() { Path = Path.Combine(folder, $"{name.Replace(' ', '-')}-{width}-{scheme}.png"), FullPage = true });
        }
        return findings;
    }

    /// <summary>A code that is none of the given ones.</summary>
    protected static string WrongCode(params string[] right) =>
        Enumerable.Range(0, 1_000_000).Select(number => $"{number:D6}").First(code => !right.Contains(code, StringComparer.Ordinal));

    protected static ILocatorAssertions Expect(ILocator locator) => Assertions.Expect(locator);

    protected static IPageAssertions Expect(IPage page) => Assertions.Expect(page);
}
