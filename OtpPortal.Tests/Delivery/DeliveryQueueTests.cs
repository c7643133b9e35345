using System.Collections.Concurrent;
using OtpPortal.Delivery;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Messages on their way: tried again, given up in time, never lost silently.</summary>
public sealed class DeliveryQueueTests : IClassFixture<RedisUnderTest>, IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private readonly CapturedLog _log = new();
    private readonly Postman _postman;
    private readonly DeliveryQueue _queue;

    public DeliveryQueueTests(RedisUnderTest store)
    {
        _postman = new Postman(_clock);
        // A third of the connections, eight, may go to one domain.
        var providers = StandInProviders.Only(_postman, connections: 24);
        _queue = new DeliveryQueue(
            StandInProviders.Dispatcher(providers, store.Stores, _clock, _log), providers, _clock, _log.For<DeliveryQueue>());
    }

    public Task InitializeAsync() => _queue.StartAsync(CancellationToken.None);

    public async Task DisposeAsync()
    {
        _postman.Answer = _ => new SendOutcome.Accepted();
        _postman.LetGo();
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
    public async Task A_message_is_handed_over_and_reported_once()
    {
        var delivery = Enqueue(Mail());

        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Sent]);
        _postman.Sent.ShouldHaveSingleItem().To.ShouldBe("ann@example.com");
    }

    [Fact]
    public async Task What_fails_for_a_while_is_tried_again_with_longer_and_longer_pauses()
    {
        var failures = 4;
        _postman.Answer = _ => failures-- > 0 ? new SendOutcome.Temporary("busy") : new SendOutcome.Accepted();

        var delivery = Enqueue(Mail());
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(100));

        delivery.States.ShouldBe([DeliveryState.Sent]);
        var pauses = _postman.Attempts.Zip(_postman.Attempts.Skip(1), (a, b) => (b - a).TotalSeconds).ToList();
        pauses.Count.ShouldBe(4);
        for (var i = 0; i < 4; i++) pauses[i].ShouldBeInRange(0.75 * Math.Pow(2, i), (1.25 * Math.Pow(2, i)) + 1, "1, 2, 4, 8 s with jitter");
        _log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal)).ShouldBe(4);
    }

    [Fact]
    public async Task A_message_is_given_up_before_its_code_is_worthless()
    {
        _postman.Answer = _ => new SendOutcome.Temporary("busy");
        var deadline = _clock.GetUtcNow().AddSeconds(60);

        var delivery = Enqueue(Mail(), TimeSpan.FromSeconds(60));
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        delivery.States.ShouldBe([DeliveryState.Failed]);
        _postman.Attempts.Count.ShouldBeGreaterThan(3);
        _postman.Attempts.ShouldAllBe(instant => instant < deadline);
        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal)
            && line.Contains("its code expires before the next", StringComparison.Ordinal));
    }

    [Fact]
    public async Task No_message_is_given_up_without_a_word_in_the_log()
    {
        _postman.Answer = _ => new SendOutcome.Temporary("busy");

        // The first pause is 0.75 to 1.25 s: after it some of these codes still live, and some do not.
        var deliveries = Enumerable.Range(0, 32).Select(_ => Enqueue(Mail(), TimeSpan.FromSeconds(1.1))).ToList();
        await _clock.AdvanceUntilAsync(() => deliveries.TrueForAll(delivery => delivery.States.Count > 0), TimeSpan.FromMilliseconds(10));

        _log.Lines.Count(line => line.StartsWith("Error", StringComparison.Ordinal)).ShouldBe(32);
    }

    [Fact]
    public async Task A_message_that_waited_past_its_deadline_is_not_sent()
    {
        _postman.Hold();
        var busy = Enumerable.Range(0, 8).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 8);
        var late = Enqueue(Mail("111111"), TimeSpan.FromSeconds(10));
        _clock.Advance(TimeSpan.FromSeconds(10));

        _postman.LetGo();
        await Eventually.BeTrueAsync(() => late.States.Count > 0 && busy.TrueForAll(delivery => delivery.States.Count > 0));

        late.States.ShouldBe([DeliveryState.Failed]);
        _postman.Sent.ShouldNotContain(message => message.Text.Contains("111111", StringComparison.Ordinal));
        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal)
            && line.Contains("its code expired in the queue", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_provider_that_hangs_is_asked_again_after_fifteen_seconds()
    {
        _postman.Hold();
        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 1);

        _clock.Advance(TimeSpan.FromSeconds(15));
        await Eventually.BeTrueAsync(() => _log.Text.Contains("no response within 15 s", StringComparison.Ordinal));
        _postman.LetGo();
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        delivery.States.ShouldBe([DeliveryState.Sent]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_can_never_work_is_not_tried_again(bool refused)
    {
        _postman.Answer = _ => refused
            ? new SendOutcome.Refused("the recipient is inactive") : new SendOutcome.Misconfigured("the key is wrong");

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Failed]);
        _postman.Attempts.Count.ShouldBe(1);
        _log.Lines.ShouldContain(
            line => line.StartsWith("Error", StringComparison.Ordinal)
                && line.Contains(refused ? "the recipient is inactive" : "the key is wrong", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_log_names_neither_code_nor_recipient()
    {
        _postman.Answer = _ => new SendOutcome.Temporary("busy");
        var delivery = Enqueue(Mail("918273"), TimeSpan.FromSeconds(20));
        await _clock.AdvanceUntilAsync(() => delivery.States.Count > 0, TimeSpan.FromMilliseconds(250));

        _log.Text.ShouldNotBeEmpty();
        _log.Text.ShouldNotContain("918273");
        _log.Text.ShouldNotContain("ann@example.com");
    }

    [Fact]
    public async Task The_queue_is_bounded()
    {
        _postman.Hold();
        bool TryEnqueue(string domain) =>
            _queue.TryEnqueue(new OutgoingMessage(Mail(to: "ann@" + domain), _clock.GetUtcNow().AddMinutes(5), _ => { }));

        for (var i = 0; i < 1000; i++) TryEnqueue("one.example").ShouldBeTrue();
        TryEnqueue("ONE.example").ShouldBeFalse("one domain does not fill it");
        for (var i = 0; i < 3000; i++) TryEnqueue($"other{i}.example").ShouldBeTrue();
        TryEnqueue("another.example").ShouldBeFalse();

        _log.Lines.Count(
            line => line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("queue is full", StringComparison.Ordinal))
            .ShouldBe(2);
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 24);
    }

    [Fact]
    public async Task What_waits_at_shutdown_is_still_sent()
    {
        _postman.Hold();
        var deliveries = Enumerable.Range(0, 20).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 8);

        var stop = _queue.StopAsync(CancellationToken.None);
        _queue.TryEnqueue(new OutgoingMessage(Mail(), _clock.GetUtcNow().AddMinutes(5), _ => { })).ShouldBeFalse("nothing new is taken");
        stop.IsCompleted.ShouldBeFalse();
        _postman.LetGo();
        await stop;

        deliveries.ShouldAllBe(delivery => delivery.States.Single() == DeliveryState.Sent);
        _postman.Sent.Count.ShouldBe(20);
    }

    [Fact]
    public async Task Shutdown_does_not_wait_longer_than_the_host_allows()
    {
        _postman.Hold();
        Enqueue(Mail());
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 1);
        using var patience = new CancellationTokenSource();

        var stop = _queue.StopAsync(patience.Token);
        stop.IsCompleted.ShouldBeFalse();
        await patience.CancelAsync();

        await Eventually.BeTrueAsync(() => stop.IsCompleted);
    }

    [Fact]
    public async Task What_waits_for_its_next_try_delays_nobody_else()
    {
        _postman.Answer = message => message.To.EndsWith("@busy.example", StringComparison.Ordinal)
            ? new SendOutcome.Temporary("SMTP status 450") { IsAboutRecipient = true }
            : new SendOutcome.Accepted();
        for (var i = 0; i < 1000; i++) Enqueue(Mail(to: $"ann{i}@busy.example"));
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 1000);

        var delivery = Enqueue(Mail());

        // The clock stands still: nothing is tried again, and nothing times out.
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);
        delivery.States.ShouldBe([DeliveryState.Sent]);
        _postman.Attempts.Count.ShouldBe(1001);
    }

    [Fact]
    public async Task A_domain_that_hangs_delays_no_other_one()
    {
        _postman.HoldFor("@slow.example");
        for (var i = 0; i < 1000; i++) Enqueue(Mail(to: $"ann{i}@slow.example"));
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 8);

        var delivery = Enqueue(Mail());

        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);
        delivery.States.ShouldBe([DeliveryState.Sent]);
        _postman.Attempts.Count.ShouldBe(9);
    }

    [Fact]
    public async Task Timeouts_of_a_domain_that_hangs_stop_no_other_one()
    {
        _postman.HoldFor("@slow.example");
        for (var i = 0; i < 20; i++) Enqueue(Mail(to: $"ann{i}@slow.example"));
        await Eventually.BeTrueAsync(() => _postman.Attempts.Count == 8);
        _clock.Advance(TimeSpan.FromSeconds(15));
        await Eventually.BeTrueAsync(
            () => _log.Lines.Count(line => line.Contains("no response within 15 s", StringComparison.Ordinal)) >= 8);

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0);

        delivery.States.ShouldBe([DeliveryState.Sent]);
    }

    [Fact]
    public async Task At_shutdown_what_waits_for_its_next_try_is_tried_at_once()
    {
        _postman.Answer = _ => new SendOutcome.Temporary("busy") { IsAboutRecipient = true };
        var deliveries = Enumerable.Range(0, 20).Select(_ => Enqueue(Mail())).ToList();
        await Eventually.BeTrueAsync(() => _log.Lines.Count(line => line.Contains("retrying in", StringComparison.Ordinal)) == 20);
        _postman.Answer = _ => new SendOutcome.Accepted();

        await _queue.StopAsync(CancellationToken.None);

        deliveries.ShouldAllBe(delivery => delivery.States.Single() == DeliveryState.Sent);
    }

    [Fact]
    public async Task The_log_tells_how_many_messages_a_shutdown_has_lost()
    {
        _postman.Hold();
        for (var i = 0; i < 20; i++) Enqueue(Mail());
        using var patience = new CancellationTokenSource();

        var stop = _queue.StopAsync(patience.Token);
        await patience.CancelAsync();
        await stop;

        _log.Lines.ShouldContain(line =>
            line.StartsWith("Error", StringComparison.Ordinal) && line.Contains("Stopping with 20 unsent messages", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_report_that_fails_stops_nobody_elses_message()
    {
        for (var i = 0; i < 20; i++)
        {
            _queue.TryEnqueue(new OutgoingMessage(Mail(), _clock.GetUtcNow().AddMinutes(5), _ => throw new TimeoutException()))
                .ShouldBeTrue();
        }

        var delivery = Enqueue(Mail());
        await Eventually.BeTrueAsync(() => delivery.States.Count > 0 && _postman.Sent.Count == 21);

        _log.Text.ShouldContain("Could not store the state of a delivery");
    }

    /// <summary>What was reported of one message.</summary>
    private sealed class Delivery
    {
        private readonly ConcurrentQueue<DeliveryState> _states = new();

        public IReadOnlyCollection<DeliveryState> States => _states;

        public void Report(DeliveryState state) => _states.Enqueue(state);
    }

    /// <summary>A provider that does what the test wants.</summary>
    private sealed class Postman(FakeClock clock) : IMessageProvider
    {
        private readonly ConcurrentQueue<DateTimeOffset> _attempts = new();
        private readonly ConcurrentQueue<Message> _sent = new();
        private TaskCompletionSource _gate = Open();
        private string _held = "";

        public string Name => "postman";

        public Func<Message, SendOutcome> Answer { get; set; } = _ => new SendOutcome.Accepted();

        public IReadOnlyCollection<DateTimeOffset> Attempts => _attempts;

        public IReadOnlyCollection<Message> Sent => _sent;

        /// <summary>From now on it takes its time.</summary>
        public void Hold() => _gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>From now on it never answers to messages whose recipient ends like this.</summary>
        public void HoldFor(string ending)
        {
            Hold();
            _held = ending;
        }

        public void LetGo() => _gate.TrySetResult();

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
