using System.Collections.Concurrent;
using OtpPortal.Auditing;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Fallback, circuit breakers and connection limits of the dispatcher.</summary>
public sealed class DispatcherTests(RedisUnderTest store) : IClassFixture<RedisUnderTest>
{
    private static readonly Message s_mail = new("ann@example.com", "subject 918273", "text 918273", "<p>918273</p>");
    private static readonly Message s_sms = new("+491711234567", "", "918273", "");

    private readonly FakeClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly FakeProvider _first = new("first");
    private readonly FakeProvider _second = new("second");

    private (Dispatcher Dispatcher, Provider First) Chain(int connections = 100, string[]? first = null, string[]? second = null)
    {
        var one = Describe(_first, connections, first);
        var two = Describe(_second, connections, second);
        var isSms = first is not null;
        var providers =
            new Providers([one, two], isSms ? [FakeProviders.Mail(new FakeProvider("mail"))] : [one, two], isSms ? [one, two] : []);
        return (FakeProviders.Dispatcher(
            providers, store.Stores, _clock, _log,
            FakeProviders.ReadSms(("SMS_PREFIX_LIMIT", "off"), ("SMS_DAILY_CAP", "1000000"))), one);
    }

    private static Provider Describe(FakeProvider postman, int connections, string[]? countries) => new()
    {
        Sender = postman,
        Channel = countries is null ? Channel.Email : Channel.Sms,
        ChannelName = "",
        AddressName = "",
        MaxAddressLength = 254,
        MaxCodeLength = 24,
        Terms = new ProviderLimits(TimeSpan.FromSeconds(15), connections),
        Normalize = address => address,
        Countries = countries,
    };

    private static Task<DispatchOutcome> SendAsync(Dispatcher dispatcher, Provider provider, Message? message = null) =>
        dispatcher.SendAsync(provider, message ?? s_mail, CancellationToken.None);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Sends_the_message_through_the_next_provider_when_one_fails(bool misconfigured)
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
    public async Task Does_not_try_another_provider_after_a_refusal()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Refused("the recipient has opted out");

        (await SendAsync(dispatcher, first))
            .ShouldBe(new DispatchOutcome.Failed("first", new SendOutcome.Refused("the recipient has opted out")));

        _second.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task Reports_and_counts_the_last_failure_when_all_providers_fail()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        _second.Answer = () => new SendOutcome.Misconfigured("no credit");
        var statistics = new Statistics(store.Stores, _clock, _log.For<Statistics>());
        // Uses a separate hour, because other tests count in the same store asynchronously.
        _clock.Advance(TimeSpan.FromHours(5));
        long Failed(StatisticsReport report, string provider) => report.Slots[^1].FailedBy.GetValueOrDefault(provider);
        var before = await statistics.ReadAsync(StatisticsRange.Day);

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Failed("second", new SendOutcome.Misconfigured("no credit")));

        await Eventually.BeTrueAsync(
            async () => Failed(await statistics.ReadAsync(StatisticsRange.Day), "second") == Failed(before, "second") + 1);
        Failed(await statistics.ReadAsync(StatisticsRange.Day), "first").ShouldBe(Failed(before, "first"), "its message was not abandoned");
    }

    [Fact]
    public async Task The_circuit_breaker_opens_for_30_seconds_after_five_consecutive_failures()
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
    public async Task The_half_open_circuit_breaker_allows_one_trial_message()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        for (var i = 0; i < 5; i++) await SendAsync(dispatcher, first);
        _clock.Advance(TimeSpan.FromSeconds(30));

        _first.Hold();
        var trial = SendAsync(dispatcher, first);
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 6);
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("second"), "the trial is under way");
        _first.Release();
        (await trial).ShouldBe(new DispatchOutcome.Sent("second"));
        await SendAsync(dispatcher, first);
        _first.Sent.Count.ShouldBe(6, "another failure keeps the circuit open for another 30 seconds");

        _clock.Advance(TimeSpan.FromSeconds(30));
        _first.Answer = () => new SendOutcome.Accepted();
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        dispatcher.HealthOf(first).LastFailure.ShouldBeNull();
    }

    [Fact]
    public async Task Failures_that_are_not_consecutive_do_not_open_the_circuit_breaker()
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
    public async Task Sends_the_message_through_the_next_provider_when_one_times_out()
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
    public async Task Limits_concurrent_sends_to_the_number_of_connections()
    {
        var (dispatcher, first) = Chain(connections: 2);
        _first.Hold();
        var sending = Enumerable.Range(0, 6).Select(i => SendAsync(dispatcher, first, s_mail with { To = $"ann@example{i}.com" })).ToList();
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 2);
        _first.Sent.Count.ShouldBe(2);

        _first.Release();

        (await Task.WhenAll(sending)).ShouldAllBe(outcome => outcome == new DispatchOutcome.Sent("first"));
        _first.MaxConcurrency.ShouldBe(2);
    }

    [Fact]
    public async Task One_domain_uses_a_third_of_the_connections_and_does_not_delay_others()
    {
        var (dispatcher, first) = Chain(connections: 10);
        _first.Hold();
        var sending = Enumerable.Range(0, 50).Select(_ => SendAsync(dispatcher, first)).ToList();
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 4);

        // The clock does not advance, so nothing times out.
        var other = SendAsync(dispatcher, first, s_mail with { To = "ben@example.net" });
        await Eventually.BeTrueAsync(() => _first.Sent.Count == 5);
        _first.Sent.Last().To.ShouldBe("ben@example.net");

        _first.Release();
        (await other).ShouldBe(new DispatchOutcome.Sent("first"));
        (await Task.WhenAll(sending)).ShouldAllBe(outcome => outcome == new DispatchOutcome.Sent("first"));
        _first.MaxConcurrency.ShouldBe(5);
    }

    [Fact]
    public async Task Recipient_errors_do_not_open_the_circuit_breaker()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("SMTP status 450") { IsAboutRecipient = true };
        for (var i = 0; i < 20; i++) await SendAsync(dispatcher, first);

        _first.Answer = () => new SendOutcome.Accepted();

        (await SendAsync(dispatcher, first)).ShouldBe(new DispatchOutcome.Sent("first"));
        _first.Sent.Count.ShouldBe(21);
    }

    [Fact]
    public async Task Timeouts_of_one_domain_do_not_open_the_circuit_breaker()
    {
        var (dispatcher, first) = Chain(connections: 100);
        _first.Hold();
        for (var round = 0; round < 4; round++)
        {
            var asked = _first.Sent.Count;
            var hanging = Enumerable.Range(0, 5).Select(_ => SendAsync(dispatcher, first)).ToList();
            // The first round sends all messages. Later rounds send one trial message for the domain.
            await Eventually.BeTrueAsync(() => _first.Sent.Count == asked + (round == 0 ? 5 : 1));
            _clock.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAll(hanging);
            _clock.Advance(TimeSpan.FromSeconds(30));
        }
        _first.Release();

        (await SendAsync(dispatcher, first, s_mail with { To = "ben@example.net" })).ShouldBe(new DispatchOutcome.Sent("first"));
    }

    [Fact]
    public async Task Timeouts_of_five_domains_open_the_circuit_breaker()
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
    public async Task Uses_the_first_provider_that_supports_the_country()
    {
        var (dispatcher, first) = Chain(first: ["US"], second: ["DE"]);

        (await SendAsync(dispatcher, first, s_sms)).ShouldBe(new DispatchOutcome.Sent("second"));
        (await SendAsync(dispatcher, first, s_sms with { To = "+33612345678" })).ShouldBeOfType<DispatchOutcome.Limited>().Reason
            .ShouldBe("SMS_COUNTRIES");

        _first.Sent.ShouldBeEmpty();
        _second.Sent.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Refuses_a_test_message_to_a_country_that_the_provider_does_not_support()
    {
        var (dispatcher, first) = Chain(first: ["US"], second: ["DE"]);

        (await dispatcher.TryProviderAsync(first, s_sms, CancellationToken.None)).ShouldBeOfType<DispatchOutcome.Limited>().Reason
            .ShouldBe("SMS_COUNTRIES");

        _first.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_test_message_has_no_fallback_and_ignores_the_circuit_breaker()
    {
        var (dispatcher, first) = Chain();
        _first.Answer = () => new SendOutcome.Temporary("busy");
        for (var i = 0; i < 5; i++) await SendAsync(dispatcher, first);
        _second.Clear();

        (await dispatcher.TryProviderAsync(first, s_mail, CancellationToken.None))
            .ShouldBe(new DispatchOutcome.Failed("first", new SendOutcome.Temporary("busy")));

        _first.Sent.Count.ShouldBe(6);
        _second.Sent.ShouldBeEmpty();
    }

    [Fact]
    public async Task Queued_messages_fall_back_to_the_next_provider()
    {
        var (dispatcher, first) = Chain();
        var providers = new Providers([first, Describe(_second, 100, null)], [first, Describe(_second, 100, null)], []);
        dispatcher = FakeProviders.Dispatcher(providers, store.Stores, _clock, _log);
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

    private sealed class FakeProvider(string name) : IMessageProvider
    {
        private readonly ConcurrentQueue<Message> _sent = new();
        private TaskCompletionSource? _gate;
        private int _concurrency;
        private int _maxConcurrency;

        public string Name => name;

        public Func<SendOutcome> Answer { get; set; } = () => new SendOutcome.Accepted();

        public IReadOnlyCollection<Message> Sent => _sent;

        public int MaxConcurrency => _maxConcurrency;

        public void Hold() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _gate?.TrySetResult();

        public void Clear() => _sent.Clear();

        public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
        {
            var now = Interlocked.Increment(ref _concurrency);
            _maxConcurrency = Math.Max(_maxConcurrency, now);
            _sent.Enqueue(message);
            try
            {
                if (_gate is { } gate) await gate.Task.WaitAsync(stop);
                return Answer();
            }
            finally
            {
                Interlocked.Decrement(ref _concurrency);
            }
        }
    }
}
