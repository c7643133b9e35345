using OtpPortal.Auditing;
using OtpPortal.Delivery.Sms;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery.Sms;

public sealed class SmsGuardOnRedisTests(RedisUnderTest store) : SmsGuardTests(store), IClassFixture<RedisUnderTest>;

public sealed class SmsGuardEmbeddedTests(EmbeddedUnderTest store) : SmsGuardTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class SmsGuardOnClusterTests(ClusterUnderTest store) : SmsGuardTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Protection against SMS pumping fraud.</summary>
public abstract class SmsGuardTests(StoreUnderTest store)
{
    private static readonly string[] s_countries = ["DE", "AT", "US"];
    private static int s_days;
    private readonly CapturedLog _log = new();

    // Each test uses a separate day, because the daily counters are global.
    private SmsGuard NewGuard(params (string Name, string Value)[] settings)
    {
        var midnight = new DateTimeOffset(store.Clock.GetUtcNow().UtcDateTime.Date, TimeSpan.Zero)
            .AddDays(1 + (Interlocked.Increment(ref s_days) % 2)).AddHours(10);
        store.Clock.Advance(midnight - store.Clock.GetUtcNow());
        return FakeProviders.Guard(store.Stores, store.Clock, _log, FakeProviders.ReadSms(settings));
    }

    private static async Task<string?> TakeAsync(SmsGuard guard, string number) => (await guard.TakeAsync(number, s_countries))?.Reason;

    private static string DistinctNumber(int n) => $"+49171{n % 1000:000}{(n * 7) % 10000:0000}";

    [Fact]
    public async Task Without_configured_countries_no_SMS_is_sent()
    {
        var guard = NewGuard();

        var limited = (await guard.TakeAsync("+491711234567", [])).ShouldNotBeNull();

        limited.Reason.ShouldBe("SMS_COUNTRIES");
        (await TakeAsync(guard, "+33612345678")).ShouldBe("SMS_COUNTRIES");
        (await TakeAsync(guard, "+491711234567")).ShouldBeNull();
    }

    [Fact]
    public async Task Does_not_limit_addresses_that_are_not_phone_numbers()
    {
        var guard = NewGuard(("SMS_DAILY_CAP", "1"));

        for (var i = 0; i < 3; i++) (await TakeAsync(guard, "ann@example.com")).ShouldBeNull();
    }

    [Fact]
    public async Task The_daily_cap_resets_at_midnight_UTC()
    {
        var guard = NewGuard(("SMS_DAILY_CAP", "3"), ("SMS_PREFIX_LIMIT", "off"));
        for (var i = 0; i < 3; i++) (await TakeAsync(guard, DistinctNumber(i))).ShouldBeNull();

        var limited = (await guard.TakeAsync(DistinctNumber(4), s_countries)).ShouldNotBeNull();

        limited.Reason.ShouldBe("SMS_DAILY_CAP");
        limited.Wait.ShouldBe(TimeSpan.FromHours(14), "until midnight, UTC");
        store.Clock.Advance(limited.Wait);
        (await TakeAsync(guard, DistinctNumber(5))).ShouldBeNull();
    }

    [Fact]
    public async Task Concurrent_messages_on_several_replicas_do_not_exceed_the_daily_cap()
    {
        var guard = NewGuard(("SMS_DAILY_CAP", "10"), ("SMS_PREFIX_LIMIT", "off"));
        var other = FakeProviders.Guard(
            store.Stores, store.Clock, _log, FakeProviders.ReadSms(("SMS_DAILY_CAP", "10"), ("SMS_PREFIX_LIMIT", "off")));

        var taken = await Task.WhenAll(Enumerable.Range(0, 60).Select(n => TakeAsync(n % 2 == 0 ? guard : other, DistinctNumber(n))));

        taken.Count(reason => reason is null).ShouldBeLessThanOrEqualTo(10);
        // Refused messages are returned to the cap, so the rest of the cap is still available.
        var left = 0;
        while (await TakeAsync(guard, DistinctNumber(left)) is null) left++;
        (taken.Count(reason => reason is null) + left).ShouldBe(10);
    }

    [Fact]
    public async Task A_country_quota_does_not_use_up_the_daily_cap()
    {
        var guard = NewGuard(("SMS_DAILY_CAP", "5"), ("SMS_COUNTRY_QUOTAS", "DE:2,AT:0"), ("SMS_PREFIX_LIMIT", "off"));
        for (var i = 0; i < 2; i++) (await TakeAsync(guard, DistinctNumber(i))).ShouldBeNull();

        for (var i = 0; i < 10; i++) (await TakeAsync(guard, DistinctNumber(i + 2))).ShouldBe("SMS_COUNTRY_QUOTAS");
        (await TakeAsync(guard, "+436641234567")).ShouldBe("SMS_COUNTRY_QUOTAS");

        for (var i = 0; i < 3; i++) (await TakeAsync(guard, $"+1212867530{i}")).ShouldBeNull();
        (await TakeAsync(guard, "+12128675309")).ShouldBe("SMS_DAILY_CAP");
    }

    [Fact]
    public async Task Limits_the_messages_to_one_number_range()
    {
        var guard = NewGuard(("SMS_PREFIX_LIMIT", "4/3600"));
        for (var i = 0; i < 4; i++) (await TakeAsync(guard, $"+49171123{4000 + i}")).ShouldBeNull();

        var limited = (await guard.TakeAsync("+491711234999", s_countries)).ShouldNotBeNull();

        limited.Reason.ShouldBe("SMS_PREFIX_LIMIT");
        limited.Wait.ShouldBe(TimeSpan.FromHours(1));
        (await TakeAsync(guard, "+491711235000")).ShouldBeNull("it is another range");
        store.Clock.Advance(limited.Wait);
        (await TakeAsync(guard, "+491711234999")).ShouldBeNull();
    }

    [Fact]
    public async Task A_country_with_too_few_verified_codes_is_blocked_for_the_rest_of_the_hour()
    {
        var guard = NewGuard(("SMS_MIN_VERIFIED", "10/20"));
        for (var i = 0; i < 20; i++) await guard.CountSentAsync(DistinctNumber(i));
        await guard.CountVerifiedAsync(DistinctNumber(1));
        (await TakeAsync(guard, DistinctNumber(50))).ShouldBeNull("they have had no time to return");

        store.Clock.Advance(TimeSpan.FromMinutes(5));

        var limited = (await guard.TakeAsync(DistinctNumber(51), s_countries)).ShouldNotBeNull();
        limited.Reason.ShouldBe("SMS_MIN_VERIFIED");
        limited.Wait.ShouldBe(TimeSpan.FromMinutes(55));
        (await TakeAsync(guard, "+12128675309")).ShouldBeNull("it is another country");
        store.Clock.Advance(limited.Wait);
        (await TakeAsync(guard, DistinctNumber(52))).ShouldBeNull();
    }

    [Fact]
    public async Task A_country_with_enough_verified_codes_is_not_blocked()
    {
        var guard = NewGuard(("SMS_MIN_VERIFIED", "10/20"));
        for (var i = 0; i < 30; i++) await guard.CountSentAsync(DistinctNumber(i));
        for (var i = 0; i < 3; i++) await guard.CountVerifiedAsync(DistinctNumber(i));

        store.Clock.Advance(TimeSpan.FromMinutes(5));

        (await TakeAsync(guard, DistinctNumber(50))).ShouldBeNull();
    }

    [Fact]
    public async Task A_country_with_too_few_verified_codes_is_blocked_across_the_hour_boundary()
    {
        var guard = NewGuard(("SMS_MIN_VERIFIED", "10/20"));
        store.Clock.Advance(TimeSpan.FromMinutes(58));
        for (var i = 0; i < 20; i++) await guard.CountSentAsync(DistinctNumber(i));

        store.Clock.Advance(TimeSpan.FromMinutes(5));

        (await TakeAsync(guard, DistinctNumber(50))).ShouldBe("SMS_MIN_VERIFIED");
    }

    [Fact]
    public async Task Counts_and_logs_blocked_messages_with_a_masked_number()
    {
        var guard = NewGuard();
        var statistics = new Statistics(store.Stores, store.Clock, _log.For<Statistics>());
        var before = (await statistics.ReadAsync(StatisticsRange.Day)).Slots[^1].SmsHeldBack;

        (await TakeAsync(guard, "+33612345678")).ShouldBe("SMS_COUNTRIES");

        await Eventually.BeTrueAsync(async () => (await statistics.ReadAsync(StatisticsRange.Day)).Slots[^1].SmsHeldBack > before);
        var audit = new AuditLog(store.Stores, [], store.Clock, _log.For<AuditLog>());
        await Eventually.BeTrueAsync(async () => (await audit.ReadAsync(0, 50, AuditFilter.All)).Entries.Any(entry =>
            entry is { Event: AuditEvent.LimitHit, Address: "+33…78", Outcome: "SMS_COUNTRIES" }));
        _log.Text.ShouldContain("SMS_COUNTRIES blocked an SMS to FR");
        _log.Text.ShouldNotContain("612345678");
    }

    [Fact]
    public async Task The_store_contains_no_numbers_and_every_counter_expires()
    {
        var guard = NewGuard();
        await TakeAsync(guard, "+491711234567");
        await guard.CountSentAsync("+491711234567");
        await guard.CountVerifiedAsync("+491711234567");

        var entries = store.Dump().Entries.Where(entry => entry.Key.StartsWith("sms:", StringComparison.Ordinal)).ToList();

        entries.ShouldNotBeEmpty();
        entries.ShouldAllBe(entry => entry.TimeToLive > TimeSpan.Zero);
        store.Dump().Entries.ShouldAllBe(entry => !entry.Key.Contains("1711234", StringComparison.Ordinal));
    }
}
