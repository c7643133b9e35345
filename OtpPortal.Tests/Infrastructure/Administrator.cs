namespace OtpPortal.Tests.Infrastructure;

/// <summary>Signs in to the administration.</summary>
internal static class Administrator
{
    /// <summary>Creates a browser that is signed in to the administration with the secret key.</summary>
    public static async Task<BrowserClient> OpenAdministrationAsync(this PortalHost portal)
    {
        var browser = portal.NewBrowser();
        var answer = await browser.PostAsync("/admin/login", ("key", PortalHost.Secret));
        (answer.Status, answer.Location).ShouldBe((303, "/admin"));
        return browser;
    }

    /// <summary>Returns whether the administration shows its pages instead of the sign-in form.</summary>
    public static async Task<bool> HasAccessAsync(this BrowserClient browser)
    {
        var page = await browser.GetAsync("/admin");
        page.Status.ShouldBe(200);
        page.Header("Cache-Control").ShouldNotBeNull().ShouldContain("no-store");
        var form = page.Find("form[action='/admin/login']") is not null;
        (page.Find("nav.admin-nav") is null).ShouldBe(form, "either the form or the pages, never both");
        return !form;
    }
}
