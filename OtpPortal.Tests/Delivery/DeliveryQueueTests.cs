using System.Collections.Concurrent;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Retries, deadlines, fairness and shutdown of the delivery queue.</summary>
public sealed class DeliveryQueueTests : IClassFixture<RedisUnderTest>, IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly FakeProvider _provider;
    private readonly DeliveryQueue _queue;

    public DeliveryQueueTests(RedisUnderTest store)
    {
        _provider = new FakeProvider(_clock);
        // One domain may use a third of the connections: eight.
        var providers = FakeProviders.Only(_provider, connections: 24);
        _queue = new DeliveryQueue(
            FakeProviders.Dispatcher(providers, store.Stores, _clock, _log), providers, _clock, _log.For<DeliveryQueue>());
    }

    public Task InitializeAsync() => _queue.StartAsync(CancellationToken.None);

    public async Task DisposeAsync()
    {
        _provider.Answer = _ => new SendOutcome.Accepted();
        _provider.Release();
        var stop = _queue.StopAsync(CancellationToken.None);
        await _clock.AdvanceUntilAsync(() => stop.IsCompleted, TimeSpan.FromSeconds(20));
        await stop;
        _queue.Dispose();
    }

    private static Message Mail(string code = "918273", string to = "ann@example.com") =>
        new(to, $"Your code is {code}", $"text {code}", $"<p>{code}</p>");

    private Delivery Enqueue(Message message, TimeSpan? life = null)
    {
        var delivery = new Delivery();
        _queue.TryEnqueue(new OutgoingMessage(message, _clock.GetUtcNow() + (life ?? TimeSpan.FromMinutes(5)), delivery.Report))
            .ShouldBeTrue();
        return delivery;
    }

    [Fact]
    public async Task Sends_and_reports_a_message_once()
    {
        var delivery = Enqueue(Mail());

        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Sent]);
        _provider.Sent.ShouldHaveSingleItem().To.ShouldBe("ann@example.com");
    }

    [Fact]
    public async Task Retries_temporary_failures_with_exponential_backoff()
    {
        var failures = 4;
        _provider.Answer = _ => failures-- > 0 ? new SendOutcome.Temporary("busy") : new SendOutcome.Accepted();

        var delivery = Enqueue(Mail());
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(100));

        delivery.States.ShouldBe([DeliveryState.Sent]);
        var pauses = _provider.Attempts.Zip(_provider.Attempts.Skip(1), (a, b) => (b - a).TotalSeconds).ToList();
        pauses.Count.ShouldBe(4);
        for (var i = 0; i < 4; i++)
        {
            pauses[i].ShouldBeInRange(0.75 * Math.Pow(2, i), (1.25 * Math.Pow(2, i)) + 1, "1, 2, 4, 8 s with jitter");
        }
        _log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal)).ShouldBe(4);
    }

    [Fact]
    public async Task Gives_up_a_message_before_its_code_expires()
    {
        _provider.Answer = _ => new SendOutcome.Temporary("busy");
        var deadline = _clock.GetUtcNow().AddSeconds(60);

        var delivery = Enqueue(Mail(), TimeSpan.FromSeconds(60));
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        delivery.States.ShouldBe([DeliveryState.Failed]);
        _provider.Attempts.Count.ShouldBeGreaterThan(3);
        _provider.Attempts.ShouldAllBe(instant => instant < deadline);
        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal)
            && line.Contains("its code expires before the next", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Logs_an_error_for_every_message_that_is_given_up()
    {
        _provider.Answer = _ => new SendOutcome.Temporary("busy");

        // The first retry delay is 0.75 to 1.25 s, so only some of these codes expire during it.
        var deliveries = Enumerable.Range(0, 32).Select(_ => Enqueue(Mail(), TimeSpan.FromSeconds(1.1))).ToList();
        await _clock.AdvanceUntilAsync(() => deliveries.TrueForAll(delivery => delivery.States.Count > 0), TimeSpan.FromMilliseconds(10));

        _log.Lines.Count(line => line.StartsWith("Error", StringComparison.Ordinal)).ShouldBe(32);
    }

    [Fact]
    public async Task Does_not_send_a_message_after_its_deadline()
    {
        _provider.Hold();
        var busy = Enumerable.Range(0, 8).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 8);
        var late = Enqueue(Mail("111111"), TimeSpan.FromSeconds(10));
        _clock.Advance(TimeSpan.FromSeconds(10));

        _provider.Release();
        await Eventually.BeTrueAsync(() => late.States.Count > 0 && busy.TrueForAll(delivery => delivery.States.Count > 0));

        late.States.ShouldBe([DeliveryState.Failed]);
        _provider.Sent.ShouldNotContain(message => message.Text.Contains("111111", StringComparison.Ordinal));
        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal)
            && line.Contains("its code expired in the queue", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Retries_when_the_provider_times_out_after_15_seconds()
    {
        _provider.Hold();
        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 1);

        _clock.Advance(TimeSpan.FromSeconds(15));
        await Eventually.BeTrueAsync(() => _log.Text.Contains("no response within 15 s", StringComparison.Ordinal));
        _provider.Release();
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        delivery.States.ShouldBe([DeliveryState.Sent]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Does_not_retry_permanent_failures(bool refused)
    {
        _provider.Answer = _ => refused
            ? new SendOutcome.Refused("the recipient is inactive") : new SendOutcome.Misconfigured("the key is wrong");

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Failed]);
        _provider.Attempts.Count.ShouldBe(1);
        _log.Lines.ShouldContain(
            line => line.StartsWith("Error", StringComparison.Ordinal)
                && line.Contains(refused ? "the recipient is inactive" : "the key is wrong", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Does_not_log_the_code_or_the_recipient()
    {
        _provider.Answer = _ => new SendOutcome.Temporary("busy");
        var delivery = Enqueue(Mail("918273"), TimeSpan.FromSeconds(20));
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        _log.Text.ShouldNotBeEmpty();
        _log.Text.ShouldNotContain("918273");
        _log.Text.ShouldNotContain("ann@example.com");
    }

    [Fact]
    public async Task The_queue_is_bounded_in_total_and_per_domain()
    {
        _provider.Hold();
        bool TryEnqueue(string domain) =>
            _queue.TryEnqueue(new OutgoingMessage(Mail(to: "ann@" + domain), _clock.GetUtcNow().AddMinutes(5), _ => { }));

        for (var i = 0; i < 1000; i++) TryEnqueue("one.example").ShouldBeTrue();
        TryEnqueue("ONE.example").ShouldBeFalse("one domain cannot fill it");
        for (var i = 0; i < 3000; i++) TryEnqueue($"other{i}.example").ShouldBeTrue();
        TryEnqueue("another.example").ShouldBeFalse();

        _log.Lines.Count(
            line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("queue is full", StringComparison.Ordinal))
            .ShouldBe(2);
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 24);
    }

    [Fact]
    public async Task Shutdown_sends_the_queued_messages()
    {
        _provider.Hold();
        var deliveries = Enumerable.Range(0, 20).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 8);

        var stop = _queue.StopAsync(CancellationToken.None);
        _queue.TryEnqueue(new OutgoingMessage(Mail(), _clock.GetUtcNow().AddMinutes(5), _ => { })).ShouldBeFalse("no new work is accepted");
        stop.IsCompleted.ShouldBeFalse();
        _provider.Release();
        await stop;

        deliveries.ShouldAllBe(delivery => delivery.States.Single() == DeliveryState.Sent);
        _provider.Sent.Count.ShouldBe(20);
    }

    [Fact]
    public async Task Shutdown_stops_waiting_when_the_host_cancels_it()
    {
        _provider.Hold();
        Enqueue(Mail());
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 1);
        using var cancellation = new CancellationTokenSource();

        var stop = _queue.StopAsync(cancellation.Token);
        stop.IsCompleted.ShouldBeFalse();
        await cancellation.CancelAsync();

        await Eventually.BeTrueAsync(() => stop.IsCompleted);
    }

    [Fact]
    public async Task Messages_waiting_for_a_retry_do_not_delay_others()
    {
        _provider.Answer = message => message.To.EndsWith("@busy.example", StringComparison.Ordinal)
            ? new SendOutcome.Temporary("SMTP status 450") { IsAboutRecipient = true }
            : new SendOutcome.Accepted();
        for (var i = 0; i < 1000; i++) Enqueue(Mail(to: $"ann{i}@busy.example"));
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 1000);

        var delivery = Enqueue(Mail());

        // The clock does not advance, so nothing is retried and nothing times out.
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);
        delivery.States.ShouldBe([DeliveryState.Sent]);
        _provider.Attempts.Count.ShouldBe(1001);
    }

    [Fact]
    public async Task An_unresponsive_domain_does_not_delay_other_domains()
    {
        _provider.HoldFor("@slow.example");
        for (var i = 0; i < 1000; i++) Enqueue(Mail(to: $"ann{i}@slow.example"));
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 8);

        var delivery = Enqueue(Mail());

        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);
        delivery.States.ShouldBe([DeliveryState.Sent]);
        _provider.Attempts.Count.ShouldBe(9);
    }

    [Fact]
    public async Task Timeouts_of_one_domain_do_not_block_other_domains()
    {
        _provider.HoldFor("@slow.example");
        for (var i = 0; i < 20; i++) Enqueue(Mail(to: $"ann{i}@slow.example"));
        await Eventually.BeTrueAsync(() => _provider.Attempts.Count == 8);
        _clock.Advance(TimeSpan.FromSeconds(15));
        await Eventually.BeTrueAsync(
            () => _log.Lines.Count(line => line.Contains("no response within 15 s", StringComparison.Ordinal)) >= 8);

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Sent]);
    }

    [Fact]
    public async Task Shutdown_retries_waiting_messages_immediately()
    {
        _provider.Answer = _ => new SendOutcome.Temporary("busy") { IsAboutRecipient = true };
        var deliveries = Enumerable.Range(0, 20).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal)) == 20);
        _provider.Answer = _ => new SendOutcome.Accepted();

        await _queue.StopAsync(CancellationToken.None);

        deliveries.ShouldAllBe(delivery => delivery.States.Single() == DeliveryState.Sent);
    }

    [Fact]
    public async Task Logs_the_number_of_messages_lost_at_shutdown()
    {
        _provider.Hold();
        for (var i = 0; i < 20; i++) Enqueue(Mail());
        using var cancellation = new CancellationTokenSource();

        var stop = _queue.StopAsync(cancellation.Token);
        await cancellation.CancelAsync();
        await stop;

        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal)
                && line.Contains("Stopping with 20 unsent messages", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failing_report_callback_does_not_affect_other_messages()
    {
        for (var i = 0; i < 20; i++)
        {
            _queue.TryEnqueue(new OutgoingMessage(Mail(), _clock.GetUtcNow().AddMinutes(5), _ => throw new TimeoutException()))
                .ShouldBeTrue();
        }

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0 && _provider.Sent.Count == 21);

        _log.Text.ShouldContain("Could not store the state of a delivery");
    }

    /// <summary>Records the reported states of one message.</summary>
    private sealed class Delivery
    {
        private readonly ConcurrentQueue<DeliveryState> _states = new();

        public IReadOnlyCollection<DeliveryState> States => _states;

        public void Report(DeliveryState state) => _states.Enqueue(state);
    }

    /// <summary>A provider with configurable outcomes and delays.</summary>
    private sealed class FakeProvider(FakeClock clock) : IMessageProvider
    {
        private readonly ConcurrentQueue<DateTimeOffset> _attempts = new();
        private readonly ConcurrentQueue<Message> _sent = new();
        private TaskCompletionSource _gate = Open();
        private string _held = "";

        public string Name => "postman";

        public Func<Message, SendOutcome> Answer { get; set; } = _ => new SendOutcome.Accepted();

        public IReadOnlyCollection<DateTimeOffset> Attempts => _attempts;

        public IReadOnlyCollection<Message> Sent => _sent;

        /// <summary>Delays all following sends until they are released.</summary>
        public void Hold() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Delays all following sends to recipients with this suffix.</summary>
        public void HoldFor(string ending)
        {
            Hold();
            _held = ending;
        }

        public void Release() => _gate.TrySetResult();

        public async Task<SendOutcome> SendAsync(Message message, CancellationToken stop)
        {
            var gate = _gate.Task;
            _attempts.Enqueue(clock.GetUtcNow());
            if (message.To.EndsWith(_held, StringComparison.Ordinal)) await gate.WaitAsync(stop);
            var outcome = Answer(message);
            if (outcome is SendOutcome.Accepted) _sent.Enqueue(message);
            return outcome;
        }

        private static TaskCompletionSource Open()
        {
            var gate = new TaskCompletionSource();
            gate.SetResult();
            return gate;
        }
    }
}
