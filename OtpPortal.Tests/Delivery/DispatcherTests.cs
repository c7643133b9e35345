using System.Collections.Concurrent;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>One provider fails, the next one takes over, and nobody waits for what cannot work.</summary>
public sealed class DispatcherTests(RedisUnderTest store) : IClassFixture<RedisUnderTest>
{
    private static readonly Message s_mail = new("ann@example.com", "subject 918273", "text 918273", "<p>918273</p>");
    private static readonly Message s_sms = new("+491711234567", "", "918273", "");

    private readonly FakeClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly Postman _first = new("first");
    private readonly Postman _second = new("second");

    private (Dispatcher Dispatcher, Provider First) Chain(int connections = 100, string[]? first = null, string[]? second = null)
    {
        var one = Describe(_first, connections, first);
        var two = Describe(_second, connections, second);
        var isSms = first is not null;
        var providers =
            new Providers([one, two], isSms ? [StandInProviders.Mail(new Postman("mail"))] : [one, two], isSms ? [one, two] : []);
        return (StandInProviders.Dispatcher(
            providers, store.Stores, _clock, _log,
            StandInProviders.ReadSms(("SMS_PREFIX_LIMIT", "off"), ("SMS_DAILY_CAP", "1000000"))), one);
    }

    private static Provider Describe(Postman postman, int connections, string[]? countries) => new()
    {
        Sender = postman,
        Channel = countries is null ? Channel.Email : Channel.Sms,
        ChannelName = "",
        AddressName = "",
        MaxAddressLength = 254,
        MaxCodeLength = 24,
        Terms = new ProviderTerms(TimeSpan.FromSeconds(15), connections),
        Normalize = address => address,
        Countries = countries,
    };

    private static Task<DispatchOutcome> SendAsync(Dispatcher dispatcher, Provider provider, Message? message = null) =>
        dispatcher.SendAsync(provider, message ?? s_mail, CancellationToken.None);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_one_fails_the_next_one_takes_over(bool misconfigured)
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => misconfigured ? new SendOutcome.Misconfigured("the key is wrong") : new SendOutcome.Temporary("busy");

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("second"));

        _first.Sent.Count.ShouldBe(1);
        _second.Sent.ShouldHaveSingleItem().ShouldBe(s_mail);
        _log.Text.ShouldContain("Falling back to second from first: " + (misconfigured ? "the key is wrong" : "busy"));
        _log.Text.ShouldNotContain("918273");
        _log.Text.ShouldNotContain("ann@example.com");
    }

    [Fact]
    public async Task Another_provider_is_not_talked_into_what_one_refused()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Refused("the recipient has opted out");

        (await SendAsync(dispatcher, first))
            .ShouldBe(new DispatchOutcome.Failed("first", new SendOutcome.Refused("the recipient has opted out")));

        _second.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task When_all_fail_the_last_one_is_told_and_counted_as_given_up()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        _second.Answer = () => new SendOutcome.Misconfigured("no credit");
        var statistics = new Statistics(store.Stores, _clock, _log.For<Statistics>());
        // In an hour of its own: what other tests count in the same store is written a moment later.
        _clock.Advance(TimeSpan.FromHours(5));
        long Failed(StatisticsReport report, string provider) => report.Hours[^1].FailedBy.GetValueOrDefault(provider);
        var before = await statistics.ReadAsync();

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Failed("second", new SendOutcome.Misconfigured("no credit")));

        await Eventually.BeTrueAsync(async () => Failed(await statistics.ReadAsync(), "second") == Failed(before, "second") + 1);
        Failed(await statistics.ReadAsync(), "first").ShouldBe(Failed(before, "first"), "its message was not given up");
    }

    [Fact]
    public async Task After_five_failures_in_a_row_a_provider_is_left_alone_for_half_a_minute()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        for (var i = 0; i < 5; i++) await SendAsync(dispatcher, first);
        _first.Sent.Count.ShouldBe(5);

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("second"));
        _clock.Advance(TimeSpan.FromSeconds(29));
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("second"));

        _first.Sent.Count.ShouldBe(5, "it was not asked");
        dispatcher.HealthOf(first)
            .ShouldBe(
                new ProviderHealth(
                    new SendOutcome.Temporary("busy"), _clock.GetUtcNow().AddSeconds(-29), _clock.GetUtcNow().AddSeconds(1)));
    }

    [Fact]
    public async Task Then_one_message_tries_for_all()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        for (var i = 0; i < 5; i++) await SendAsync(dispatcher, first);
        _clock.Advance(TimeSpan.FromSeconds(30));

        _first.Hold();
        var trial = SendAsync(dispatcher, first);
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 6);
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("second"), "the trial is under way");
        _first.LetGo();
        (await trial).ShouldBe(new DispatchOutcome.Sent("second"));
        await SendAsync(dispatcher, first);
        _first.Sent.Count.ShouldBe(6, "it failed once more: another half minute");

        _clock.Advance(TimeSpan.FromSeconds(30));
        _first.Answer = () => new SendOutcome.Accepted();
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        dispatcher.HealthOf(first).LastFailure.ShouldBeNull();
    }

    [Fact]
    public async Task Failures_that_are_not_in_a_row_leave_it_in_use()
    {
        var (dispatcher, first) = Chain();
        for (var i = 0; i < 12; i++)
        {
            var n = i;
            _first.Answer = () => n % 4 == 3 ? new SendOutcome.Refused("not this one") : new SendOutcome.Temporary("busy");
            await SendAsync(dispatcher, first);
        }

        _first.Sent.Count.ShouldBe(12);
    }

    [Fact]
    public async Task A_provider_that_hangs_is_left_for_the_next_one()
    {
        var (dispatcher, first) = Chain();
        _first.Hold();
        var sending = SendAsync(dispatcher, first);
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 1);

        _clock.Advance(TimeSpan.FromSeconds(15));

        (await sending).ShouldBe(new DispatchOutcome.Sent("second"));
        dispatcher.HealthOf(first).LastFailure.ShouldBe(new SendOutcome.Temporary("no response within 15 s"));
    }

    [Fact]
    public async Task No_more_than_so_many_messages_are_handed_over_at_the_same_time()
    {
        var (dispatcher, first) = Chain(connections: 2);
        _first.Hold();
        var sending = Enumerable.Range(0, 6).Select(i => SendAsync(dispatcher, first, s_mail with { To = $"ann@example{i}.com" })).ToList();
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 2);
        _first.Sent.Count.ShouldBe(2);

        _first.LetGo();

        (await Task.WhenAll(sending)).ShouldAllBe(outcome => outcome == new DispatchOutcome.Sent("first"));
        _first.MostAtOnce.ShouldBe(2);
    }

    [Fact]
    public async Task One_domain_gets_a_third_of_the_connections_and_who_waits_for_another_one_does_not_wait_for_it()
    {
        var (dispatcher, first) = Chain(connections: 10);
        _first.Hold();
        var sending = Enumerable.Range(0, 50).Select(_ => SendAsync(dispatcher, first)).ToList();
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 4);

        // The clock stands still: nothing times out.
        var other = SendAsync(dispatcher, first, s_mail with { To = "ben@example.net" });
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 5);
        _first.Sent.Last().To.ShouldBe("ben@example.net");

        _first.LetGo();
        (await other).ShouldBe(new DispatchOutcome.Sent("first"));
        (await Task.WhenAll(sending)).ShouldAllBe(outcome => outcome == new DispatchOutcome.Sent("first"));
        _first.MostAtOnce.ShouldBe(5);
    }

    [Fact]
    public async Task Answers_about_one_recipient_never_stop_the_others()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("SMTP status 450") { IsAboutRecipient = true };
        for (var i = 0; i < 20; i++) await SendAsync(dispatcher, first);

        _first.Answer = () => new SendOutcome.Accepted();

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        _first.Sent.Count.ShouldBe(21);
    }

    [Fact]
    public async Task Timeouts_of_one_domain_never_stop_the_others()
    {
        var (dispatcher, first) = Chain(connections: 100);
        _first.Hold();
        for (var round = 0; round < 4; round++)
        {
            var asked = _first.Sent.Count;
            var hanging = Enumerable.Range(0, 5).Select(_ => SendAsync(dispatcher, first)).ToList();
            // In the first round all of them are handed over; later one tries for the whole domain.
            await Eventually.BeTrueAsync(() => _first.Sent.Count == asked + (round == 0 ? 5 : 1));
            _clock.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAll(hanging);
            _clock.Advance(TimeSpan.FromSeconds(30));
        }
        _first.LetGo();

        (await SendAsync(dispatcher, first, s_mail with { To = "ben@example.net" })).ShouldBe(new DispatchOutcome.Sent("first"));
    }

    [Fact]
    public async Task A_provider_that_hangs_for_five_domains_is_left_alone()
    {
        var (dispatcher, first) = Chain();
        _first.Hold();
        var hanging = Enumerable.Range(0, 5).Select(i => SendAsync(dispatcher, first, s_mail with { To = $"ann@example{i}.com" })).ToList();
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 5);
        _clock.Advance(TimeSpan.FromSeconds(15));
        await Task.WhenAll(hanging);

        (await SendAsync(dispatcher, first, s_mail with { To = "ben@example.net" })).ShouldBe(new DispatchOutcome.Sent("second"));

        _first.Sent.Count.ShouldBe(5);
    }

    [Fact]
    public async Task A_country_is_served_by_the_first_provider_that_writes_to_it()
    {
        var (dispatcher, first) = Chain(first: ["US"], second: ["DE"]);

        (await SendAsync(dispatcher, first, s_sms)).ShouldBe(new DispatchOutcome.Sent("second"));
        (await SendAsync(dispatcher, first, s_sms with { To = "+33612345678" })).ShouldBeOfType<DispatchOutcome.Limited>().Reason
            .ShouldBe("SMS_COUNTRIES");

        _first.Sent.ShouldBeEmpty();
        _second.Sent.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_test_message_goes_only_where_its_provider_writes_to()
    {
        var (dispatcher, first) = Chain(first: ["US"], second: ["DE"]);

        (await dispatcher.TryOutAsync(first, s_sms, CancellationToken.None)).ShouldBeOfType<DispatchOutcome.Limited>().Reason
            .ShouldBe("SMS_COUNTRIES");

        _first.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_test_message_asks_one_provider_and_no_other_even_one_that_is_left_alone()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        for (var i = 0; i < 5; i++) await SendAsync(dispatcher, first);
        _second.Clear();

        (await dispatcher.TryOutAsync(first, s_mail, CancellationToken.None))
            .ShouldBe(new DispatchOutcome.Failed("first", new SendOutcome.Temporary("busy")));

        _first.Sent.Count.ShouldBe(6);
        _second.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_portals_own_mail_goes_the_same_way()
    {
        var (dispatcher, first) = Chain();
        var providers = new Providers([first, Describe(_second, 100, null)], [first, Describe(_second, 100, null)], []);
        dispatcher = StandInProviders.Dispatcher(providers, store.Stores, _clock, _log);
        using var queue = new DeliveryQueue(dispatcher, providers, _clock, _log.For<DeliveryQueue>());
        await queue.StartAsync(CancellationToken.None);
        _first.Answer = () => new SendOutcome.Misconfigured("the key is wrong");
        var states = new ConcurrentQueue<DeliveryState>();

        queue.TryEnqueue(new OutgoingMessage(s_mail, _clock.GetUtcNow().AddMinutes(5), states.Enqueue)).ShouldBeTrue();
        await Eventually.BeTrueAsync(() => states.Count == 1);

        states.ToArray().ShouldBe([DeliveryState.Sent]);
        _second.Sent.Count.ShouldBe(1);
        var stop = queue.StopAsync(CancellationToken.None);
        await _clock.AdvanceUntilAsync(() => stop.IsCompleted, TimeSpan.FromSeconds(1));
        await stop;
    }

    private sealed class Postman(string name) : IMessageProvider
    {
        private readonly ConcurrentQueue<Message> _sent = new();
        private TaskCompletionSource? _gate;
        private int _now;
        private int _most;

        public string Name => name;

        public Func<SendOutcome> Answer { get; set; } = () => new SendOutcome.Accepted();

        public IReadOnlyCollection<Message> Sent => _sent;

        public int MostAtOnce => _most;

        public void Hold() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void LetGo() => _gate?.TrySetResult();

        public void Clear() => _sent.Clear();

        public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
        {
            var now = Interlocked.Increment(ref _now);
            _most = Math.Max(_most, now);
            _sent.Enqueue(message);
            try
            {
                if (_gate is { } gate) await gate.Task.WaitAsync(stop);
                return Answer();
            }
            finally
            {
                Interlocked.Decrement(ref _now);
            }
        }
    }
}
