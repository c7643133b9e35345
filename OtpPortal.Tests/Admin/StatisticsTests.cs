using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>Sign-in statistics. Each test starts its own portal, because the counts are global.</summary>
public sealed class StatisticsTests
{
    private static Task<StatisticsReport> ReadAsync(PortalHost portal) => portal.Services.GetRequiredService<Statistics>().ReadAsync();

    // Events are counted asynchronously.
    private static Task WaitForCurrentHourAsync(PortalHost portal, Func<StatisticsSlot, bool> what) =>
        Eventually.BeTrueAsync(async () => what((await ReadAsync(portal)).Hours[^1]), "the running hour shows it");

    [Fact]
    public async Task Each_step_of_a_sign_in_is_counted_once()
    {
        await using var portal = await PortalHost.StartAsync();
        var email = TestUser.New();
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", email));
        var code = await portal.CodeForAsync(email);
        await browser.PostAsync("/login-otp", ("code", code == "000000" ? "000001" : "000000"));
        portal.Clock.Advance(TimeSpan.FromSeconds(22));
        await browser.PostAsync("/login-otp", ("code", code));

        await WaitForCurrentHourAsync(
            portal, hour => hour is { Begun: 1, Sent: 1, Wrong: 1, Verified: 1, SignedIn: 1, Expired: 0, Limited: 0, Failed: 0 });
        var report = await ReadAsync(portal);
        report.Hours.Count.ShouldBe(24);
        report.Days.Count.ShouldBe(30);
        report.Hours[^1].Took.Median.ShouldNotBeNull().TotalSeconds.ShouldBeInRange(20, 25);
        report.Days[^1].SignedIn.ShouldBe(1);
    }

    [Fact]
    public async Task Only_code_messages_are_counted_as_sent()
    {
        await using var portal = await PortalHost.StartAsync();
        var email = TestUser.New();
        foreach (var agent in (string[])["Firefox/140.0 (Linux)", "Safari/604.1 (iPhone)"])
        {
            var browser = portal.NewBrowser();
            browser.Headers["User-Agent"] = agent;
            await portal.SignInAsync(email, browser);
        }

        // Two codes and one notice of a sign-in from a new device.
        await Eventually.BeTrueAsync(async () =>
            (await portal.NewApiClient().GetAsync("/dev/mailbox.json")).Json.EnumerateArray()
                .Count(mail => mail.GetProperty("to").GetString() == email) == 3);
        await WaitForCurrentHourAsync(portal, hour => hour is { SignedIn: 2, Sent: 2 });
    }

    [Fact]
    public async Task Counts_expired_codes_and_rate_limited_requests()
    {
        await using var portal = await PortalHost.StartAsync(("LIMIT_SENDS_PER_ADDRESS", "1/3600"));
        var email = TestUser.New();
        var browser = portal.NewBrowser();
        await browser.PostAsync("/login", ("email", email));
        var code = await portal.CodeForAsync(email);
        (await portal.NewBrowser().PostAsync("/login", ("email", email))).Status.ShouldBe(429);
        portal.Clock.Advance(TimeSpan.FromMinutes(5));
        await browser.PostAsync("/login-otp", ("code", code));
        await portal.NewBrowser().PostAsync("/login-otp", ("code", code));

        await WaitForCurrentHourAsync(portal, hour => hour is { Begun: 1, Sent: 1, Expired: 1, Limited: 1, SignedIn: 0 });
    }

    [Fact]
    public async Task Counts_failed_deliveries_by_provider_but_no_decoy_sends()
    {
        await using var portal = await PortalHost.StartWithAsync(
            builder => builder.Services.AddSingleton(FakeProviders.Only(new Refusing())), null, ("ALLOWED_EMAILS", "*@friends.example"));
        await portal.NewBrowser().PostAsync("/login", ("email", TestUser.New("friends.example")));
        await portal.NewBrowser().PostAsync("/login", ("email", TestUser.New("strangers.example")));

        await WaitForCurrentHourAsync(portal, hour => hour is { Begun: 2, Failed: 1, Sent: 0 });
        (await ReadAsync(portal)).Hours[^1].FailedBy.ShouldBe([KeyValuePair.Create("refusing", 1L)]);
    }

    [Fact]
    public async Task Reports_counts_per_hour_and_per_day_and_keeps_them_for_30_days()
    {
        await using var portal = await PortalHost.StartAsync();
        var statistics = portal.Services.GetRequiredService<Statistics>();
        statistics.Count(StatisticsEvent.SignedIn);
        await WaitForCurrentHourAsync(portal, hour => hour.SignedIn == 1);
        portal.Clock.Advance(TimeSpan.FromHours(23));
        statistics.Count(StatisticsEvent.SignedIn);
        await WaitForCurrentHourAsync(portal, hour => hour.SignedIn == 1);

        var report = await ReadAsync(portal);
        report.Hours[0].SignedIn.ShouldBe(1);
        report.Days[^2].SignedIn.ShouldBe(1);
        report.Days[^1].SignedIn.ShouldBe(1);

        portal.Clock.Advance(TimeSpan.FromHours(1));
        (await ReadAsync(portal)).Hours.Sum(hour => hour.SignedIn).ShouldBe(1);
        portal.Dump().Entries.Where(entry => entry.Key.StartsWith("stats:", StringComparison.Ordinal))
            .ShouldAllBe(entry => entry.TimeToLive > TimeSpan.FromDays(30));
    }

    [Theory]
    [InlineData(new int[0], null)]
    [InlineData(new[] { 10 }, 9.0)]
    [InlineData(new[] { 3, 3, 3 }, 3.0)]
    [InlineData(new[] { 5, 14, 100 }, 12.5)]
    [InlineData(new[] { 9999 }, 600.0)]
    public void The_median_is_interpolated_within_its_bucket(int[] seconds, double? median)
    {
        var counts = seconds.GroupBy(s => Durations.BucketOf(TimeSpan.FromSeconds(s)), StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => (long)group.Count(), StringComparer.Ordinal);

        new Durations(counts).Median?.TotalSeconds.ShouldBe(median.ShouldNotBeNull(), 0.01);
        if (median is null) new Durations(counts).Median.ShouldBeNull();
    }

    [Fact]
    public async Task Callers_do_not_fail_while_the_store_is_unavailable()
    {
        using var redis = RedisServer.Start();
        await using var portal = await PortalHost.StartOnAsync(redis);
        redis.Stop();

        Should.NotThrow(() => portal.Services.GetRequiredService<Statistics>().Count(StatisticsEvent.Begun));
        Should.NotThrow(
            () => portal.Services.GetRequiredService<AuditLog>().Write(AuditEvent.SignIn, TestUser.New(), "192.0.2.1", "signed_in"));

        await Eventually.BeTrueAsync(
            () => portal.Log.Text.Contains("Could not count an event", StringComparison.Ordinal)
                && portal.Log.Text.Contains("Could not write an audit entry", StringComparison.Ordinal));
        redis.StartAgain();
    }

    private sealed class Refusing : IMessageProvider
    {
        public string Name => "refusing";

        public Task<SendOutcome> SendAsync(Message message, CancellationToken stop) =>
            Task.FromResult<SendOutcome>(new SendOutcome.Refused("no"));
    }
}
