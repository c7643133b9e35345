using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.MagicLinks;

/// <summary>Tests the one-time password operations of <c>/api/v2/otp</c>.</summary>
public sealed class AccountCodeTests(V2Portal v2) : IClassFixture<V2Portal>
{
    [Fact]
    public async Task A_code_can_be_validated_only_once()
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
    public async Task The_code_uses_the_requested_character_sets(bool lower, bool upper, bool digits, string pattern)
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
    public async Task Codes_are_case_sensitive()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetAlphaLower = true, length = 12 });

        (await app.ValidateAsync(id, otp.ToUpperInvariant())).Status.ShouldBe(400);
        (await app.ValidateAsync(id, $" {otp}\n")).Status.ShouldBe(400, "control characters are not text");
        (await app.ValidateAsync(id, $" {otp} ")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_code_is_locked_after_five_wrong_attempts()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();
        for (var i = 0; i < 5; i++) (await app.ValidateAsync(id, "wrong")).Status.ShouldBe(400);

        ServiceAccountTests.ShouldBeFailure(await app.ValidateAsync(id, otp), 400);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_very_short_code_has_a_single_attempt(int length)
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetNumeric = true, length });
        var (other, its) = await app.NewOtpAsync(new { charSetNumeric = true, length });

        (await app.ValidateAsync(id, "x")).Status.ShouldBe(400);
        (await app.ValidateAsync(id, otp)).Status.ShouldBe(400);
        (await app.ValidateAsync(other, its)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Only_one_of_thirty_concurrent_validations_succeeds()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync();

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => app.ValidateAsync(id, otp)));

        answers.Count(answer => answer.Status == 200).ShouldBe(1);
    }

    [Fact]
    public async Task An_account_cannot_validate_a_code_of_another_account()
    {
        var (mine, theirs) = (await v2.NewAccountAsync(), await v2.NewAccountAsync());
        var (id, otp) = await theirs.NewOtpAsync();

        (await mine.ValidateAsync(id, otp)).Status.ShouldBe(400);
        (await theirs.ValidateAsync(id, otp)).Status.ShouldBe(200, "and has used none of its attempts");
    }

    [Theory]
    [InlineData(60, 60)]
    [InlineData(0, 3600)]
    [InlineData(86400, 3600)]
    [InlineData(7905600000, 3600)]
    public async Task A_code_expires_after_its_lifespan_capped_at_one_hour(long asked, int seconds)
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
    public async Task Codes_appear_in_neither_the_store_nor_the_log()
    {
        var app = await v2.NewAccountAsync();
        var (id, otp) = await app.NewOtpAsync(new { charSetAlphaLower = true, length = 12 });
        await app.ValidateAsync(id, "wrong");

        var dump = v2.Host.Dump();
        dump.Keys.ShouldContain(key => key.StartsWith("code:{v2:", StringComparison.Ordinal));
        dump.Text.ShouldNotContain(otp);
        dump.Text.ShouldNotContain(id);
        v2.Host.Log.Text.ShouldNotContain(otp);
    }
}
