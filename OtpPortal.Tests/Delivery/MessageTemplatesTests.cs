using OtpPortal.Delivery;

namespace OtpPortal.Tests.Delivery;

/// <summary>The built-in mail templates in five languages.</summary>
public sealed class MessageTemplatesTests
{
    private static readonly MessageTemplates s_templates = new();

    private static Message Fill(string language, string app = "Our App", string logo = "", string link = "") =>
        s_templates.Fill("sign-in", language, "ann@example.com", new Dictionary<string, object?>
        {
            ["app_name"] = app,
            ["code"] = "012345",
            ["link_url"] = link,
            ["duration"] = "5 minutes",
            ["logo_url"] = logo,
            ["accent"] = "#102030",
            ["portal_url"] = "https://login.example.com",
            ["language"] = language,
        });

    /// <summary>Only the operator's templates are checked at startup.</summary>
    [Fact]
    public void All_messages_can_be_rendered_in_all_languages() =>
        MessageKind.All.SelectMany(kind => TemplateCheck.Run(s_templates, kind.Name)).ShouldBeEmpty();

    /// <summary>Gmail's app drops the style sheet for accounts of other providers, and Outlook most of it.</summary>
    [Theory]
    [InlineData("en")]
    [InlineData("de")]
    [InlineData("fr")]
    [InlineData("es")]
    [InlineData("zh")]
    public void The_HTML_part_needs_no_style_sheet_and_no_image(string language)
    {
        var page = new AngleSharp.Html.Parser.HtmlParser().ParseDocument(Fill(language, link: "https://login.example.com/l").Html);

        page.QuerySelectorAll("img").ShouldBeEmpty();
        page.QuerySelectorAll("body, p, td:not(:has(table))").ShouldAllBe(element => element.HasAttribute("style"));
        page.QuerySelectorAll("table").ShouldAllBe(table => table.GetAttribute("role") == "presentation");
        page.QuerySelector(".code")!.GetAttribute("style")!.ShouldContain("font-size: 34px");
        page.QuerySelector("meta[name=color-scheme]")!.GetAttribute("content").ShouldBe("light dark");
    }

    [Theory]
    [InlineData("en")]
    [InlineData("de")]
    [InlineData("fr")]
    [InlineData("es")]
    [InlineData("zh")]
    public void Every_language_has_a_subject_a_text_and_an_HTML_part(string language)
    {
        var message = Fill(language);

        message.To.ShouldBe("ann@example.com");
        message.Subject.ShouldContain("012345");
        message.Subject.ShouldContain("Our App");
        foreach (var part in (string[])[message.Text, message.Html])
        {
            part.ShouldContain("012345");
            part.ShouldContain("5 minutes");
            part.ShouldContain("https://login.example.com");
            part.ShouldNotContain("{{");
        }
        message.Html.ShouldContain($"<html lang=\"{language}\">");
        message.Html.ShouldContain("prefers-color-scheme: dark");
        if (language != "en") message.Text.ShouldNotBe(Fill("en").Text);
    }

    [Theory]
    [InlineData("en")]
    [InlineData("de")]
    [InlineData("fr")]
    [InlineData("es")]
    [InlineData("zh")]
    public void Shows_the_link_next_to_the_code_when_there_is_one(string language)
    {
        const string link = "https://login.example.com/login/link?token=abc";

        var (with, without) = (Fill(language, link: link), Fill(language));

        with.Subject.ShouldBe(without.Subject);
        with.Text.Split('\n').ShouldContain(link, "on its own line, so that no character is attached to it");
        new AngleSharp.Html.Parser.HtmlParser().ParseDocument(with.Html).QuerySelector("a")!.GetAttribute("href").ShouldBe(link);
        foreach (var part in (string[])[with.Text, with.Html]) part.ShouldContain("012345");
        without.Text.ShouldNotContain("token");
        without.Html.ShouldNotContain("<a ");
        // One blank line between paragraphs, with the link and without.
        foreach (var text in (string[])[with.Text, without.Text]) text.ShouldNotContain("\n\n\n");
        with.Text.Split("\n\n").Length.ShouldBe(without.Text.Split("\n\n").Length + 1);
    }

    [Fact]
    public void An_unknown_language_falls_back_to_English() => Fill("tlh").Subject.ShouldBe("Your Our App code is 012345");

    [Fact]
    public void Escapes_values_in_the_HTML_part()
    {
        var message = Fill("en", app: "<b>Tom & \"Co\"</b>", logo: "https://cdn.example.com/l.svg?a=\"><script>");

        message.Html.ShouldNotContain("<b>");
        message.Html.ShouldNotContain("<script>");
        message.Html.ShouldContain("&lt;b&gt;Tom &amp; ");
        message.Subject.ShouldBe("Your <b>Tom & \"Co\"</b> code is 012345", "a subject and a text are not markup");
        message.Text.ShouldContain("<b>Tom & \"Co\"</b>");
    }

    [Fact]
    public void Shows_the_logo_when_there_is_one()
    {
        Fill("en").Html.ShouldNotContain("<img");
        Fill("en", logo: "https://cdn.example.com/l.svg").Html.ShouldContain("<img src=\"https://cdn.example.com/l.svg\"");
    }
}
