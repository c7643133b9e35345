using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E.Infrastructure;

/// <summary>Base class for browser tests. Fails a test whose browser console has errors.</summary>
public abstract class BrowserTest(Stage stage) : IAsyncLifetime
{
    // A safety limit. Some Playwright waits have no timeout; closing the context ends them and fails the test.
    private static readonly TimeSpan s_testTimeout = TimeSpan.FromMinutes(5);

    private static readonly string? s_screenshots = Environment.GetEnvironmentVariable("SCREENSHOTS");

    private readonly List<BrowserUser> _users = [];
    private readonly CancellationTokenSource _testEnded = new();

    protected Stage Stage => stage;

    protected PortalProcess Portal => stage.Portal;

    protected MailboxClient Mailbox => stage.Portal.Mailbox;

    public virtual Task InitializeAsync() => Task.CompletedTask;

    public virtual async Task DisposeAsync()
    {
        await _testEnded.CancelAsync();
        _testEnded.Dispose();
        foreach (var user in _users) await user.Context.CloseAsync();
        _users.SelectMany(user => user.ConsoleErrors)
            .ShouldBeEmpty("The browser's console complained. The portal said:\n" + Portal.Log);
    }

    protected async Task<BrowserUser> OpenBrowserAsync(Action<BrowserNewContextOptions>? configure = null)
    {
        var user = await BrowserUser.OpenBrowserAsync(stage, configure);
        _users.Add(user);
        _ = CloseInTimeAsync(user, _testEnded.Token);
        return user;
    }

    protected Task<BrowserUser> OpenBrowserWithoutScriptAsync() => OpenBrowserAsync(options => options.JavaScriptEnabled = false);

    /// <summary>Opens the address page, submits the address and waits for an interactive code page.</summary>
    protected static async Task<CodePage> BeginAsync(BrowserUser user, string? address = null, string path = "/")
    {
        var start = await AddressPage.OpenInteractiveAsync(user, path);
        var code = await start.SendToAsync(address ?? user.Address);
        await code.BecomesInteractiveAsync();
        return code;
    }

    /// <summary>Signs in with the code from the n-th message to the address.</summary>
    protected async Task<SignedInPage> SignInAsync(BrowserUser user, string? address = null, int message = 1)
    {
        address ??= user.Address;
        var code = await BeginAsync(user, address);
        await code.TypeAsync(await Mailbox.CodeAsync(address, message));
        return await SignedInPage.IsShownAsync(code.Page, address);
    }

    /// <summary>Starts a new sign-in from the page of an ended one and completes it.</summary>
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

    private static async Task CloseInTimeAsync(BrowserUser user, CancellationToken over)
    {
        try
        {
            await Task.Delay(s_testTimeout, over);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        await user.Context.CloseAsync();
    }

    /// <summary>
    /// Returns accessibility and layout findings of a page at each width, in both color schemes. Also saves screenshots if an
    /// environment variable names a directory: <c>SCREENSHOTS=directory dotnet test OtpPortal.E2E --filter accessible</c>.
    /// </summary>
    protected static async Task<IReadOnlyList<string>> FindingsAsync(PortalPage page, string name, params int[] widths)
    {
        var findings = new List<string>();
        var size = page.Page.ViewportSize!;
        foreach (var width in widths)
        {
            await page.Page.SetViewportSizeAsync(width, size.Height);
            if (await page.ScrollsSidewaysAsync()) findings.Add($"{name} scrolls sideways at {width} px");
            foreach (var scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
            {
                // Without motion, so that no color is on its way to another one.
                await page.Page.EmulateMediaAsync(new() { ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
                // A color scheme changes colors only.
                findings.AddRange(await page.AxeFindingsAsync(
                    $"{name} at {width} px, {scheme}", scheme == ColorScheme.Dark ? "color-contrast" : null));
                if (s_screenshots is not null)
                {
                    var file = Path.Combine(s_screenshots, $"{name.Replace(' ', '-')}-{width}-{scheme}.png");
                    // The mailbox has the messages of all tests.
                    await page.Page.ScreenshotAsync(new() { Path = file, FullPage = page is not MailboxPage });
                }
            }
        }
        await page.Page.SetViewportSizeAsync(size.Width, size.Height);
        await page.Page.EmulateMediaAsync(new() { ColorScheme = ColorScheme.Light, ReducedMotion = ReducedMotion.NoPreference });
        return findings;
    }

    /// <summary>Returns a code that differs from the given ones.</summary>
    protected static string WrongCode(params string[] right) =>
        Enumerable.Range(0, 1_000_000).Select(number => $"{number:D6}").First(code => !right.Contains(code, StringComparer.Ordinal));

    protected static ILocatorAssertions Expect(ILocator locator) => Assertions.Expect(locator);

    protected static IPageAssertions Expect(IPage page) => Assertions.Expect(page);
}
