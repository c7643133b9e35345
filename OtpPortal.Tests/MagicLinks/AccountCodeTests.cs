using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>One-time passwords by <c>/api/v2/otp</c>.</summary>
public sealed class AccountCodeTests(V2Portal v2) : IClassFixture<V2Portal>
{
    [Fact]
    public async Task A_code_is_good_once()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();

        var right = await app.ValidateAsync(id, otp);

        otp.ShouldMatch("^[0-9]{6}$");
        Guid.TryParseExact(id, "D", out _).ShouldBeTrue();
        right.Status.ShouldBe(200);
        right.Json.GetProperty("otpValidateResults").EnumerateObject().ShouldBeEmpty();
        right.Json.GetProperty("requestMetadata").GetProperty("uuid").GetString().ShouldNotBeNull();
        ServiceAccountTests.ShouldBeFailure(await app.ValidateAsync(id, otp), 400);
    }

    [Theory]
    [InlineData(true, false, false, "^[a-z]{12}$")]
    [InlineData(false, true, false, "^[A-Z]{12}$")]
    [InlineData(false, false, true, "^[0-9]{12}$")]
    [InlineData(true, true, true, "^[a-zA-Z0-9]{12}$")]
    public async Task It_has_the_characters_that_were_asked_for(bool lower, bool upper, bool digits, string pattern)
    {
        var app = await v2.NewAccountAsync();
        for (var i = 0; i < 10; i++)
        {
            var (_, otp) = await app.NewOtpAsync(
                new { charSetAlphaLower = lower, charSetAlphaUpper = upper, charSetNumeric = digits, length = 12, lifespanSeconds = 60 });
            otp.ShouldMatch(pattern);
        }
    }

    [Fact]
    public async Task Letters_count_as_they_are_written()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetAlphaLower = true, length = 12 });

        (await app.ValidateAsync(id, otp.ToUpperInvariant())).Status.ShouldBe(400);
        (await app.ValidateAsync(id, $" {otp}\n")).Status.ShouldBe(400, "control characters are no text");
        (await app.ValidateAsync(id, $" {otp} ")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Tries_are_limited()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();
        for (var i = 0; i < 5; i++) (await app.ValidateAsync(id, "wrong")).Status.ShouldBe(400);

        ServiceAccountTests.ShouldBeFailure(await app.ValidateAsync(id, otp), 400);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_code_that_could_be_guessed_has_one_try(int length)
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetNumeric = true, length });
        var (other, its) = await app.NewOtpAsync(new { charSetNumeric = true, length });

        (await app.ValidateAsync(id, "x")).Status.ShouldBe(400);
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(400);
        (await app.ValidateAsync(other, its)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Of_simultaneous_right_codes_one_is_right()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => app.ValidateAsync(id, otp)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
    }

    [Fact]
    public async Task One_account_never_validates_anothers()
    {
        var (mine, theirs) = (await v2.NewAccountAsync(), await v2.NewAccountAsync());
        var (id, otp) = await theirs.NewOtpAsync();

        (await mine.ValidateAsync(id, otp)).Status.ShouldBe(400);
        (await theirs.ValidateAsync(id, otp)).Status.ShouldBe(200, "and has used none of its tries");
    }

    [Theory]
    [InlineData(60, 60)]
    [InlineData(0, 3600)]
    [InlineData(86400, 3600)]
    [InlineData(7905600000, 3600)]
    public async Task Its_time_is_over_after_its_lifespan_and_an_hour_at_the_latest(long asked, int seconds)
    {
        await using var portal = await PortalHost.StartAsync(V2Portal.Setting);
        var app = new V2Client(portal, V2Portal.AdminKey);
        var (id, otp) = await app.NewOtpAsync(new { charSetNumeric = true, lifespanSeconds = asked });
        var (late, its) = await app.NewOtpAsync(new { charSetNumeric = true, lifespanSeconds = asked });
        portal.Clock.Advance(TimeSpan.FromSeconds(seconds - 1));
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(200);
        portal.Clock.Advance(TimeSpan.FromSeconds(1));

        (await app.ValidateAsync(late, its)).Status.ShouldBe(400);
    }

    [Fact]
    public async Task The_store_and_the_log_hold_no_code()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetAlphaLower = true, length = 12 });
        await app.ValidateAsync(id, "wrong");

        var dump = v2.Host.Dump();
        dump.Keys.ShouldContain(key => key.StartsWith("code:v2:", StringComparison.Ordinal));
        dump.Text.ShouldNotContain(otp);
        dump.Text.ShouldNotContain(id);
        v2.Host.Log.Text.ShouldNotContain(otp);
    }
}
