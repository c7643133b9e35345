using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Admin;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Admin;

/// <summary>Sign-in statistics. Each test starts its own portal, because the counts are global.</summary>
public sealed class StatisticsTests
{
    private static Task<StatisticsReport> ReadAsync(PortalHost portal) =>
        portal.Services.GetRequiredService<Statistics>().ReadAsync(StatisticsRange.Day);

    // Events are counted asynchronously.
    private static Task WaitForCurrentHourAsync(PortalHost portal, Func<StatisticsSlot, bool> what) =>
        Eventually.BeTrueAsync(async () => what((await ReadAsync(portal)).Slots[^1]), "the running hour shows it");

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
        report.Slots.Count.ShouldBe(24);
        report.Slots[^1].Took.Median.ShouldNotBeNull().TotalSeconds.ShouldBeInRange(20, 25);
        report.Total.SignedIn.ShouldBe(1);
        report.Total.AcceptedBy.ShouldBe([KeyValuePair.Create("mailbox", 1L)]);
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
        (await ReadAsync(portal)).Slots[^1].FailedBy.ShouldBe([KeyValuePair.Create("refusing", 1L)]);
    }

    [Fact]
    public async Task Reports_each_range_and_the_same_length_of_time_before_it()
    {
        await using var portal = await PortalHost.StartAsync();
        var statistics = portal.Services.GetRequiredService<Statistics>();
        // It is 12:00 on March 1. Each event is the only one of its hour.
        foreach (var hours in (int[])[23, 1, 142, 24, 528])
        {
            statistics.Count(StatisticsEvent.SignedIn);
            await WaitForCurrentHourAsync(portal, hour => hour.SignedIn == 1);
            portal.Clock.Advance(TimeSpan.FromHours(hours));
            (await ReadAsync(portal)).Slots[^1].SignedIn.ShouldBe(0);
        }
        // Now it is 10:00 on March 31.
        var (day, week, month) = (
            await statistics.ReadAsync(StatisticsRange.Day), await statistics.ReadAsync(StatisticsRange.Week),
            await statistics.ReadAsync(StatisticsRange.Month));

        (day.Slots.Count, day.Slots[0].Start).ShouldBe((24, At("2026-03-30T11:00Z")));
        (day.Total.SignedIn, day.Before.SignedIn).ShouldBe((0, 0));
        (week.Slots.Count, week.Slots[0].Start, week.Slots[1].Start).ShouldBe((28, At("2026-03-24T12:00Z"), At("2026-03-24T18:00Z")));
        (month.Slots.Count, month.Slots[0].Start).ShouldBe((30, At("2026-03-02T00:00Z")));
        (month.Total.SignedIn, month.Before.SignedIn).ShouldBe((4, 0), "the first event was before, but later in the day than now");
        month.Slots.Sum(slot => slot.SignedIn).ShouldBe(4);

        portal.Clock.Advance(TimeSpan.FromHours(3));
        (await statistics.ReadAsync(StatisticsRange.Month)).Before.SignedIn.ShouldBe(1);

        static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Counts_are_kept_for_two_of_the_longest_ranges()
    {
        await using var portal = await PortalHost.StartAsync();
        portal.Services.GetRequiredService<Statistics>().Count(StatisticsEvent.SignedIn);
        await WaitForCurrentHourAsync(portal, hour => hour.SignedIn == 1);

        portal.Dump().Entries.Where(entry => entry.Key.StartsWith("stats:", StringComparison.Ordinal))
            .ShouldAllBe(entry => entry.TimeToLive > TimeSpan.FromDays(60) && entry.TimeToLive <= TimeSpan.FromDays(61));
    }

    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    [InlineData(10, 10)]
    [InlineData(11, 20)]
    [InlineData(61_000, 80_000)]
    public void The_axis_of_a_chart_ends_at_a_round_number(long max, long top) => StackedChart.Ceiling(max).ShouldBe(top);

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
