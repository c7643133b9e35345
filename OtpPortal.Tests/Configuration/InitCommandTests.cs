using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Configuration;

/// <summary>Tests <c>OtpPortal init</c>, which writes the first <c>.env</c> file.</summary>
public sealed class InitCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string File => Path.Combine(_folder.Path, ".env");

    public void Dispose() => _folder.Dispose();

    private async Task<(int Code, string Output, string Errors)> RunAsync(string input, params string[] args)
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var code = await new InitCommand(new StringReader(input), output, errors).RunAsync(["--file", File, .. args]);
        return (code, output.ToString(), errors.ToString());
    }

    private Dictionary<string, string?> Written() =>
        OtpPortal.Configuration.EnvFile.Parse(System.IO.File.ReadAllText(File), ".env", []);

    [Fact]
    public async Task Writes_the_answers_into_the_commented_sample()
    {
        var end = await RunAsync("https://login.example.com\nsmtp\nmail.example.com\nann\npa'ss \"#1\n\nann@example.com\n*@example.com\n");

        end.Errors.ShouldBeEmpty();
        end.Code.ShouldBe(0);
        end.Output.ShouldContain("Open https://login.example.com/admin and sign in with ann@example.com.");
        var settings = Written();
        settings["PUBLIC_URL"].ShouldBe("https://login.example.com");
        settings["MAIL_TRANSPORT"].ShouldBe("smtp");
        settings["SMTP_HOST"].ShouldBe("mail.example.com");
        settings["SMTP_USERNAME"].ShouldBe("ann");
        settings["SMTP_PASSWORD"].ShouldBe("pa'ss \"#1");
        settings["ADMIN_EMAILS"].ShouldBe("ann@example.com");
        settings["ALLOWED_EMAILS"].ShouldBe("*@example.com");
        settings["AUTH_SECRET_KEY"].ShouldNotBeNull().Length.ShouldBe(64);
        settings.Count.ShouldBe(8, "all other settings stay comments");
        System.IO.File.ReadAllText(File).ShouldContain("# Number of digits, 6-24.");
        if (!OperatingSystem.IsWindows())
            System.IO.File.GetUnixFileMode(File).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Fact]
    public async Task Asks_again_after_an_invalid_answer()
    {
        var end = await RunAsync("login.example.com\nhttps://login.example.com\npigeon\nmailbox\nann\nann@example.com\n\n");

        end.Code.ShouldBe(0);
        end.Output.ShouldContain("PUBLIC_URL must be");
        end.Output.ShouldContain("MAIL_TRANSPORT must be");
        end.Output.ShouldContain("ADMIN_EMAILS must be");
        Written()["ADMIN_EMAILS"].ShouldBe("ann@example.com");
    }

    [Fact]
    public async Task Asks_nothing_that_the_command_line_says()
    {
        var end = await RunAsync(
            "", "--PUBLIC_URL=https://login.example.com", "--MAIL_TRANSPORT", "postmark", "--POSTMARK_SERVER_TOKEN=abc", "--PORT=8080");

        end.Errors.ShouldBeEmpty();
        end.Output.ShouldNotContain("Which URL");
        Written()["POSTMARK_SERVER_TOKEN"].ShouldBe("abc");
        Written()["PORT"].ShouldBe("8080");
    }

    [Fact]
    public async Task Without_answers_reports_what_is_missing_and_writes_nothing()
    {
        var end = await RunAsync("");

        end.Code.ShouldBe(1);
        end.Errors.ShouldContain("MAIL_TRANSPORT is missing.");
        end.Errors.ShouldContain("No file was written.");
        System.IO.File.Exists(File).ShouldBeFalse();
    }

    [Theory]
    [InlineData("--ADMIN_EMAIL=ann@example.com", "--ADMIN_EMAIL is not a setting.")]
    [InlineData("PORT=80", "Usage: OtpPortal init")]
    [InlineData("--PORT", "Usage: OtpPortal init")]
    [InlineData("--PORT=abc", "PORT must be")]
    public async Task Refuses_unknown_and_invalid_settings(string argument, string error)
    {
        var end = await RunAsync("", "--MAIL_TRANSPORT=mailbox", argument);

        end.Code.ShouldBe(1);
        end.Errors.ShouldContain(error);
        System.IO.File.Exists(File).ShouldBeFalse();
    }

    [Fact]
    public async Task Never_changes_an_existing_file()
    {
        await System.IO.File.WriteAllTextAsync(File, "AUTH_SECRET_KEY=everything-depends-on-this");

        var end = await RunAsync("", "--MAIL_TRANSPORT=mailbox");

        end.Code.ShouldBe(1);
        end.Errors.ShouldBe($"{File} exists and was not changed. Move it away, or name another file with --file.\n");
        (await System.IO.File.ReadAllTextAsync(File)).ShouldBe("AUTH_SECRET_KEY=everything-depends-on-this");
    }

    [Fact]
    public async Task Reports_a_folder_that_cannot_be_written()
    {
        using var output = new StringWriter();
        using var errors = new StringWriter();
        var file = Path.Combine(_folder.Path, "missing", ".env");

        var code = await new InitCommand(TextReader.Null, output, errors).RunAsync(["--file", file, "--MAIL_TRANSPORT=mailbox"]);

        code.ShouldBe(1);
        errors.ToString().ShouldStartWith($"{file} cannot be written: ");
    }

    [Fact]
    public async Task The_portal_starts_in_Production_with_the_written_file()
    {
        (await RunAsync("", "--MAIL_TRANSPORT=mailbox")).Code.ShouldBe(0);

        var settings = AllSettings.Read(Written().ToDictionary(pair => pair.Key, pair => pair.Value!, StringComparer.Ordinal), true);

        settings.Portal.IsProduction.ShouldBeTrue();
        settings.Mail.Transport.ShouldBe("mailbox");
    }

    [Fact]
    public async Task A_start_without_settings_explains_the_first_steps()
    {
        var end = await PortalProcess.FailAsync(
            ("ASPNETCORE_ENVIRONMENT", "Production"), ("AUTH_SECRET_KEY", ""), ("MAIL_TRANSPORT", ""));

        end.Code.ShouldBe(1);
        end.Errors.ShouldContain("AUTH_SECRET_KEY is missing.");
        end.Errors.ShouldContain("MAIL_TRANSPORT is missing.");
        end.Errors.ShouldContain("dotnet OtpPortal.dll init");
        end.Errors.ShouldContain("openssl rand -hex 32");
    }
}
