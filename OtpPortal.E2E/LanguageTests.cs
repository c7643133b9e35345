using OtpPortal.E2E.Infrastructure;
using OtpPortal.E2E.Pages;

namespace OtpPortal.E2E;

/// <summary>Tests the languages of the pages and the emails.</summary>
[Collection(SecondPortal.Name)]
public sealed class LanguageTests(DefaultStage stage) : BrowserTest(stage)
{
    [Theory]
    [InlineData("de-AT", "de", "Anmelden", "Sehen Sie in Ihrem Postfach nach", "Ihr Code für", "Falscher Code", "Angemeldet")]
    [InlineData("fr-CA", "fr", "Connexion", "Consultez vos e-mails", "Votre code", "Code incorrect", "Connexion réussie")]
    [InlineData("es-MX", "es", "Iniciar sesión", "Revise su correo", "Su código de", "Código incorrecto", "Sesión iniciada")]
    [InlineData("zh-CN", "zh", "登录", "请查收邮件", "您的", "验证码错误", "已登录")]
    [InlineData("ja-JP", "en", "Sign in", "Check your email", "Your OTP Portal code", "Incorrect code", "Signed in")]
    public async Task Pages_and_emails_use_the_language_of_the_browser(
        string locale, string language, string start, string code, string subject, string wrong, string signedIn)
    {
        var ann = await OpenBrowserAsync(options => options.Locale = locale);
        var addressPage = await AddressPage.OpenInteractiveAsync(ann);
        await Expect(addressPage.Html).ToHaveAttributeAsync("lang", language);
        await Expect(addressPage.Heading).ToHaveTextAsync(start);

        var codePage = await addressPage.SendToAsync(ann.Address);
        await codePage.BecomesInteractiveAsync();
        await Expect(codePage.Heading).ToHaveTextAsync(code);
        var mail = await Mailbox.MailAsync(ann.Address);
        mail.Subject.ShouldStartWith(subject);
        mail.Html.ShouldContain($"lang=\"{language}\"");

        // Rendered by the circuit, not by the initial request.
        await codePage.TypeAsync(WrongCode(mail.Code));
        await Expect(codePage.Error).ToContainTextAsync(wrong);
        await codePage.TypeAsync(mail.Code);
        var page = await SignedInPage.IsShownAsync(codePage.Page, ann.Address);
        await Expect(page.Html).ToHaveAttributeAsync("lang", language);
        await Expect(page.Heading).ToHaveTextAsync(signedIn);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_language_switch_overrides_the_browser_and_is_remembered(bool withScript)
    {
        var ann = await OpenBrowserAsync(options => options.JavaScriptEnabled = withScript);
        var start = await AddressPage.OpenAsync(ann);
        foreach (var (name, language, title) in new[]
        {
            ("Deutsch", "de", "Anmelden"), ("Français", "fr", "Connexion"), ("Español", "es", "Iniciar sesión"), ("中文", "zh", "登录"),
            ("English", "en", "Sign in"),
        })
        {
            await start.Language(name).ClickAsync();
            await Expect(start.Html).ToHaveAttributeAsync("lang", language);
            await Expect(start.Heading).ToHaveTextAsync(title);
            await Expect(start.Language(name)).ToHaveAttributeAsync("aria-current", "true");
        }
        await start.Language("Deutsch").ClickAsync();
        await Expect(start.Html).ToHaveAttributeAsync("lang", "de");
        // A click while the circuit re-renders the page would be lost.
        if (withScript) await start.BecomesInteractiveAsync();

        var code = await start.SendToAsync(ann.Address);
        var mail = await Mailbox.MailAsync(ann.Address);
        mail.Subject.ShouldStartWith("Ihr Code für");

        // During a sign-in, changing the language changes only the texts.
        if (withScript) await code.BecomesInteractiveAsync();
        await code.Language("Français").ClickAsync();
        await Expect(code.Heading).ToHaveTextAsync("Consultez vos e-mails");
        if (withScript) await code.BecomesInteractiveAsync();
        if (withScript) await code.TypeAsync(WrongCode(mail.Code));
        else await code.SubmitAsync(WrongCode(mail.Code));
        await Expect(code.Error).ToContainTextAsync("Code incorrect");
        (await Mailbox.ToAsync(ann.Address)).Count.ShouldBe(1);
    }
}
