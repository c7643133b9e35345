using OtpPortal.E2E.Infrastructure;

namespace OtpPortal.E2E.Pages;

/// <summary>The administration pages.</summary>
public sealed class AdminPage(IPage page) : PortalPage(page)
{
    public ILocator Key => Page.Locator("#key");

    public ILocator KeyError => Page.Locator("#key-error");

    public ILocator Open => Page.Locator("form[action='/admin/login'] button");

    public ILocator SignOut => Page.Locator("form[action='/admin/logout'] button");

    public ILocator Rows => Page.Locator("tr.rz-data-row");

    public ILocator NextPage =>
        Page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).Or(Page.GetByRole(AriaRole.Button, new() { Name = "Next page" }));

    public ILocator Question => Page.GetByRole(AriaRole.Dialog);

    public ILocator StatusMessage => Page.Locator("main [role=status]").First;

    public ILocator Ended => Page.GetByRole(AriaRole.Heading, new() { Name = "Your session has ended" });

    public ILocator Menu => Page.GetByRole(AriaRole.Button, new() { Name = "Menu" });

    public ILocator Details => Page.Locator(".admin-details");

    public ILocator Charts => Page.Locator(".admin-chart svg");

    public ILocator CreateAccount => Page.Locator("form[action='/admin/accounts'] button");

    /// <summary>Gets the key of the service account that was just created.</summary>
    public ILocator NewKey => Page.Locator("#new-key");

    public ILocator Alert => Page.GetByRole(AriaRole.Alert);

    /// <summary>Gets the number of a tile of the overview.</summary>
    public ILocator Tile(string name) => Page.Locator(".admin-tiles > div").Filter(new() { HasText = name }).Locator("strong");

    /// <summary>Opens the overview with the key.</summary>
    public static async Task<AdminPage> OpenOverviewAsync(BrowserUser user, string key)
    {
        var admin = new AdminPage(await user.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        await admin.BecomesInteractiveAsync();
        return admin;
    }

    /// <summary>Opens the session list with the key.</summary>
    public static async Task<AdminPage> OpenAsync(BrowserUser user, string key)
    {
        var admin = await OpenOverviewAsync(user, key);
        await admin.OpenSessionsAsync();
        return admin;
    }

    /// <summary>Opens the session list and waits until it is loaded.</summary>
    public async Task OpenSessionsAsync()
    {
        await Page.GotoAsync("/admin/sessions");
        await BecomesInteractiveAsync();
        await Assertions.Expect(Page.Locator(".rz-data-grid tbody tr").First).ToBeVisibleAsync();
    }

    public ILocator Row(string text) => Rows.Filter(new() { HasText = text });

    /// <summary>Searches and waits for the result.</summary>
    public async Task SearchAsync(string prefix, int count)
    {
        await Page.Locator("#prefix").FillAsync(prefix);
        await Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(Page.Locator(".portal-lead").First).ToHaveTextAsync($"Live sessions: {count}");
    }

    public Task SortByAsync(string title) => Page.GetByRole(AriaRole.Columnheader, new() { Name = title }).ClickAsync();

    public Task AnswerAsync(string answer) => Question.GetByRole(AriaRole.Button, new() { Name = answer, Exact = true }).ClickAsync();
}
