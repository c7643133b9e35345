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

    public ILocator Charts => Page.Locator(".admin-chart svg");

    public ILocator CreateAccount => Page.Locator("form[action='/admin/accounts'] button");

    /// <summary>Gets the key of the service account that was just created.</summary>
    public ILocator NewKey => Page.Locator("#new-key");

    public ILocator Alert => Page.GetByRole(AriaRole.Alert);

    /// <summary>Opens the administration with the key and waits for the session list.</summary>
    public static async Task<AdminPage> OpenAsync(BrowserUser user, string key)
    {
        var admin = new AdminPage(await user.OpenTabAsync());
        await admin.Page.GotoAsync("/admin");
        await admin.Key.FillAsync(key);
        await admin.NavigateByAsync(() => admin.Open.ClickAsync());
        await admin.IsLoadedAsync();
        return admin;
    }

    /// <summary>Waits until the session list is loaded.</summary>
    public async Task IsLoadedAsync()
    {
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
