using OtpPortal.Delivery;
using OtpPortal.Tests.Gateway;
using OtpPortal.Tests.Infrastructure;
using OtpPortal.Tests.MagicLinks;

namespace OtpPortal.Tests.Delivery;

/// <summary>SMS and gateway templates, and custom templates in TEMPLATES_DIR.</summary>
public sealed class CustomTemplatesTests : IDisposable
{
    // The GSM 03.38 alphabet: 160 characters fit into one SMS. Characters from { on count twice.
    private const string Gsm =
        "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ "
            + "!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà{}[]\\^~|€";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static Dictionary<string, object?> Values(string language, string duration = "5 minutes") => new(StringComparer.Ordinal)
    {
        ["app_name"] = "OTP Portal",
        ["namespace"] = "Shop & Co",
        ["channel"] = "SMS",
        ["to"] = "+491711234567",
        ["code"] = "012345",
        ["duration"] = duration,
        ["url"] = "https://login.example.com/otp/shop/order-1",
        ["link_url"] = "",
        ["host"] = "login.example.com",
        ["logo_url"] = "",
        ["accent"] = "#102030",
        ["portal_url"] = "https://login.example.com",
        ["language"] = language,
    };

    private void Write(string file, string text)
    {
        var path = Path.Combine(_folder.Path, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private (MessageTemplates Templates, IReadOnlyList<string> Errors) Read(params (string Name, string Value)[] settings)
    {
        var values = settings.Append(("TEMPLATES_DIR", _folder.Path))
            .ToDictionary(setting => setting.Item1, setting => setting.Item2, StringComparer.Ordinal);
        var reader = AllSettings.Reader(values);
        return (MessageTemplates.Read(reader), reader.Errors);
    }

    [Theory]
    [InlineData("en", "5 minutes")]
    [InlineData("de", "10 Minuten")]
    [InlineData("fr", "10 minutes")]
    [InlineData("es", "10 minutos")]
    [InlineData("zh", "10 分钟")]
    public void An_SMS_fits_one_message_and_ends_with_the_origin_bound_code(string language, string duration)
    {
        foreach (var name in (string[])["sign-in-sms", "gateway-sms"])
        {
            var message = new MessageTemplates().Fill(name, language, "+491711234567", Values(language, duration));

            (message.Subject, message.Html).ShouldBe(("", ""));
            message.Text.ShouldEndWith("\n@login.example.com #012345");
            message.Text.Split('\n')[0].ShouldContain("012345");
            message.Text.ShouldContain(duration);
            if (language == "zh") message.Text.Length.ShouldBeLessThanOrEqualTo(70 * 2);
            else
            {
                message.Text.ShouldAllBe(character => Gsm.Contains(character, StringComparison.Ordinal));
                message.Text.Length.ShouldBeLessThanOrEqualTo(160);
            }
        }
    }

    [Theory]
    [InlineData("en")]
    [InlineData("de")]
    [InlineData("fr")]
    [InlineData("es")]
    [InlineData("zh")]
    public void The_gateway_message_names_the_namespace_and_links_to_the_page(string language)
    {
        var message = new MessageTemplates().Fill("gateway-code", language, "ann@example.com", Values(language));

        message.Subject.ShouldContain("Shop & Co");
        foreach (var part in (string[])[message.Text, message.Html])
        {
            part.ShouldContain("012345");
            part.ShouldContain("5 minutes");
            part.ShouldContain("https://login.example.com/otp/shop/order-1");
            part.ShouldNotContain("{{");
        }
        message.Html.ShouldContain("Shop &amp; Co");
        message.Html.ShouldContain($"<html lang=\"{language}\">");
        if (language != "en")
            message.Text.ShouldNotBe(new MessageTemplates().Fill("gateway-code", "en", "ann@example.com", Values("en")).Text);
    }

    [Fact]
    public void The_gateway_message_has_no_link_without_a_page()
    {
        var values = Values("en");
        values["url"] = "";

        new MessageTemplates().Fill("gateway-code", "en", "ann@example.com", values).Html.ShouldNotContain("<a ");
    }

    [Fact]
    public void A_file_replaces_one_part_of_one_message()
    {
        Write("sign-in.subject.txt", "{{code}} from us\n");
        Write("de/sign-in.subject.txt", "{{code}} von uns\n");

        var (templates, errors) = Read();

        errors.ShouldBeEmpty();
        templates.Fill("sign-in", "en", "", Values("en")).Subject.ShouldBe("012345 from us");
        templates.Fill("sign-in", "fr", "", Values("fr")).Subject.ShouldBe("012345 from us");
        templates.Fill("sign-in", "de", "", Values("de")).Subject.ShouldBe("012345 von uns");
        templates.Fill("sign-in", "en", "", Values("en")).Text
            .ShouldBe(new MessageTemplates().Fill("sign-in", "en", "", Values("en")).Text);
    }

    [Fact]
    public void A_custom_template_can_show_or_omit_the_link()
    {
        Write("sign-in.txt", "{{code}}{{#if link_url}} {{link_url}}{{/if}}");
        Write("sign-in.html", "{{#> layout}}<p>{{code}}</p>{{/layout}}");
        var values = Values("en");

        var (templates, errors) = Read();

        errors.ShouldBeEmpty();
        templates.Fill("sign-in", "en", "", values).Text.ShouldBe("012345");
        values["link_url"] = "https://login.example.com/login/link?token=abc";
        templates.Fill("sign-in", "en", "", values).Text.ShouldBe("012345 https://login.example.com/login/link?token=abc");
        templates.Fill("sign-in", "en", "", values).Html.ShouldNotContain("token=abc");
    }

    [Fact]
    public void Each_provider_can_have_its_own_subject_and_body()
    {
        Write("smtp.subject.txt", "{{namespace}}: {{channel}} verification");
        Write("smtp.html", "{{#> layout}}<p>{{namespace}} {{code}}</p>{{/layout}}");
        Write("phone_call.txt", "Your code is {{code}}");
        Write("README.md", "not a text");

        var (templates, errors) = Read(("WEBHOOKS", "phone_call"));

        errors.ShouldBeEmpty();
        var mail = templates.Fill("gateway-code", "en", "", Values("en"), "smtp");
        mail.Subject.ShouldBe("Shop & Co: SMS verification");
        mail.Html.ShouldContain("<p>Shop &amp; Co 012345</p>");
        templates.Fill("gateway-code", "en", "", Values("en"), "phone_call").Text.ShouldBe("Your code is 012345");
        templates.Fill("gateway-code", "en", "", Values("en"), "postmark").Subject.ShouldBe("Your Shop & Co code is 012345");
        templates.Fill("sign-in", "en", "", Values("en")).Subject
            .ShouldBe("Your OTP Portal code is 012345", "the portal's own messages belong to no provider");
    }

    [Theory]
    [InlineData("sign-in.txt", "{{#if code}} never closed", "sign-in.txt cannot be parsed")]
    [InlineData("de/gateway-code.html", "{{#> layout}} never closed", "de/gateway-code.html cannot be parsed")]
    [InlineData("sign-in.txt", "{{cod}}", "the message sign-in (en) cannot be rendered")]
    [InlineData("sign-in.txt", "{{code}} {{device}}", "the message sign-in (en) cannot be rendered")]
    [InlineData("smtp.txt", "{{code}} {{link_url}}", "the message smtp (en) cannot be rendered")]
    [InlineData("api-code.txt", "{{code}} {{link}}", "the message api-code (en) cannot be rendered")]
    [InlineData("api-link.txt", "{{code}}", "contain {{link}}")]
    [InlineData("sign-in.txt", "No code in here.", "contain {{code}}")]
    [InlineData("sign-in.subject.txt", "two\nlines {{code}}", "a one-line subject")]
    [InlineData("sign-in.subject.txt", "  ", "a one-line subject")]
    [InlineData("sign-in.html", "<p>{{{app_name}}} {{code}}</p>", "escape values")]
    [InlineData("sipgate_sms.txt", "Hello", "the message sipgate_sms (en)")]
    [InlineData("signin.txt", "{{code}}", "a directory of NAME.subject.txt")]
    [InlineData("shop.txt", "{{code}}", "a directory of NAME.subject.txt")]
    public void An_invalid_template_prevents_startup(string file, string text, string error)
    {
        Write(file, text);

        var errors = Read().Errors;

        errors.ShouldNotBeEmpty();
        errors.ShouldAllBe(
            line => line.StartsWith("TEMPLATES_DIR", StringComparison.Ordinal) && !line.Contains('\n', StringComparison.Ordinal));
        errors.ShouldContain(line => line.Contains(error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Every_documented_template_value_is_available_when_sending()
    {
        void Name(string message, string names)
        {
            var all = "app_name logo_url accent portal_url language " + names;
            Write(message + ".txt", string.Concat(all.Split(' ').Select(name => $"{name}=[{{{{{name}}}}}]\n")));
        }

        Name("sign-in", "code duration host link_url");
        Name("new-device", "device ip time");
        Name("gateway-code", "namespace channel to code duration url host");
        Name("api-code", "service_name subject title greeting sub_title logo_image_url logo_click_url code code_duration");
        Name(
            "api-link",
            "service_name subject title greeting sub_title logo_image_url logo_click_url code code_duration link duration button_text");
        await using var portal =
            await PortalHost.StartAsync(("TEMPLATES_DIR", _folder.Path), ("NAMESPACES", "MyApp:secret"), V2Portal.Setting);
        var (user, to) = (TestUser.New(), TestUser.New());
        var (app, account) = (new GatewayClient(portal, "MyApp", "secret"), new V2Client(portal, V2Portal.AdminKey));
        object mail = new { toEmail = to, serviceName = "Shop", subject = "Your code", title = "Sign in" };

        await portal.SignInAsync(user);
        var phone = portal.NewBrowser();
        phone.Headers["User-Agent"] =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
                + "Mobile/15E148 Safari/604.1";
        await portal.SignInAsync(user, phone);
        (await app.PutAsync(GatewayClient.NewId(), ("provider", "mailbox"), ("to", to))).Status.ShouldBe(200);
        (await account.PostAsync("otp-email/create", new { otpCreateParams = new { }, otpEmailCreateParams = mail })).Status.ShouldBe(201);
        (await account.PostAsync(
            "magic-link-email/create",
            new { magicLinkCreateParams = new { redirectURL = "https://app.example.com/" }, magicLinkEmailCreateParams = mail })).Status
                .ShouldBe(201);

        var texts = await Eventually.GetAsync(async () =>
        {
            var sent = (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
                .Select(message => message.GetProperty("text").GetString()!).ToList();
            return sent.Count == 6 ? sent : null;
        });
        texts.ShouldAllBe(text => text.StartsWith("app_name=[", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains("device=[Safari on iPhone]", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains($"namespace=[MyApp]\nchannel=[Mailbox]\nto=[{to}]", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains("service_name=[Shop]", StringComparison.Ordinal)
            && text.Contains("code_duration=[60 minutes]", StringComparison.Ordinal));
        texts.ShouldContain(text => text.Contains("button_text=[Magic link]", StringComparison.Ordinal)
            && text.Contains("code=[]", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_template_folder_prevents_startup()
    {
        var reader = AllSettings.Reader(new Dictionary<string, string> { ["TEMPLATES_DIR"] = Path.Combine(_folder.Path, "nowhere") });

        MessageTemplates.Read(reader);

        reader.Errors.ShouldHaveSingleItem().ShouldStartWith("TEMPLATES_DIR cannot be read");
    }
}
