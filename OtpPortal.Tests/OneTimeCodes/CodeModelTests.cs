using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using OtpPortal.OneTimeCodes;
using OtpPortal.Storage;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.OneTimeCodes;

public sealed class CodeModelOnRedisTests(RedisUnderTest store) : CodeModelTests(store), IClassFixture<RedisUnderTest>;

public sealed class CodeModelEmbeddedTests(EmbeddedUnderTest store) : CodeModelTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class CodeModelOnClusterTests(ClusterUnderTest store) : CodeModelTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>
/// Tests random sequences of interleaved operations on one key against a model.
/// </summary>
public abstract class CodeModelTests(StoreUnderTest store)
{
    private static readonly CodeOptions s_terms = new(TimeSpan.FromSeconds(60), MaxAttempts: 3, MaxSends: 3, TimeSpan.FromSeconds(5));

    [Fact]
    public void Every_interleaving_of_operations_matches_the_model()
    {
        using var second = store.OpenConnections();
        Check.QuickThrowOnFailure(Prop.ForAll(
            Gen.Choose(0, int.MaxValue - 1).ArrayOf(40).ToArbitrary(),
            program => new Run(store, second).PlayAsync(program).GetAwaiter().GetResult()));
    }

    /// <summary>The state of one record in the model.</summary>
    /// <param name="Budget">Identifies the attempt budget, which a replacement record inherits.</param>
    private sealed record Expected(
        int Number, int Budget, IReadOnlyList<string> Codes, int Used, int Sends, bool IsClosed, DateTimeOffset Deadline,
        DateTimeOffset SentAt)
    {
        public bool IsLocked => Used >= s_terms.MaxAttempts;
    }

    private sealed class Run(StoreUnderTest store, Stores second)
    {
        private readonly string _key = CodeStore.KeyOf("tests", Guid.NewGuid().ToString());
        private readonly InterleavingClock _clock = new(store.Clock);
        private readonly Dictionary<string, int> _recordOf = new(StringComparer.Ordinal);
        private readonly Dictionary<int, int> _tried = [];
        private readonly HashSet<int> _succeeded = [];
        private readonly HashSet<int> _locked = [];
        private Expected? _expected;
        private int _count;
        private bool _isInterrupted;

        // The interrupted operation may block the thread that reads from its connection.
        private CodeStore Codes => new(_isInterrupted ? second : store.Stores, store.Secret, _clock);

        private DateTimeOffset Now => store.Clock.GetUtcNow();

        public async Task PlayAsync(int[] program)
        {
            for (var at = 0; at < program.Length;)
            {
                var (step, interruptions) = (program[at], program[at] / 1000 % 4);
                var between = program.Skip(at + 1).Take(interruptions).ToArray();
                at += 1 + between.Length;
                await DoAsync(step, between);
            }
        }

        private async Task DoAsync(int step, int[] between)
        {
            var argument = step / 10 % 100;
            _clock.Clear();
            switch (step % 10)
            {
                case 0 or 1:
                    await ReplaceAsync(between);
                    break;
                case 2 or 3:
                    await ResendAsync(between);
                    break;
                case 4 or 5:
                    // Any code created so far, in most cases one of the current record.
                    var known = argument % 4 == 0 ? _recordOf.Keys.ToList() : _expected?.Codes ?? [];
                    await TryAsync(known.Count == 0 ? "none" : known[argument % known.Count], between);
                    break;
                case 6 or 7:
                    await TryAsync("wrong", between);
                    break;
                case 8:
                    store.Clock.Advance(TimeSpan.FromSeconds(argument % 20));
                    break;
                default:
                    if (argument % 5 == 0) await RemoveAsync();
                    break;
            }
            _clock.Clear();
        }

        private void InterruptWith(int[] between) => _clock.Interrupt(async () =>
        {
            _isInterrupted = true;
            foreach (var step in between) await DoAsync(step, []);
            _isInterrupted = false;
        });

        private string NewCode() => (++_count).ToString("D6", CultureInfo.InvariantCulture);

        private async Task ReplaceAsync(int[] between)
        {
            var (before, read) = (await Codes.FindAsync(_key), _expected);
            var (code, number) = (NewCode(), _count);
            InterruptWith(between);
            var data = Payloads.Of("number", number.ToString(CultureInfo.InvariantCulture));
            var record = await Codes.ReplaceAsync(_key, before, code, s_terms, data, static _ => { });

            (record is not null).ShouldBe(_expected == read, "a replacement succeeds only for an unchanged record");
            if (record is null) return;
            var continues = read is { IsClosed: false } && Now < read.Deadline;
            _expected = new Expected(
                number, continues ? read!.Budget : number, [code], continues ? read!.Used : 0, continues ? read!.Sends + 1 : 1,
                IsClosed: false, Now + s_terms.Lifetime, Now);
            _recordOf[code] = number;
            record.AttemptsLeft.ShouldBe(s_terms.MaxAttempts - _expected.Used);
            record.Sends.ShouldBe(_expected.Sends);
        }

        private async Task ResendAsync(int[] between)
        {
            if (await Codes.FindAsync(_key) is not { } record) return;
            var (read, code) = (_expected!, NewCode());
            InterruptWith(between);
            var outcome = await Codes.AddCodeAsync(_key, record, code);

            for (var seen = read; ; seen = _expected!)
            {
                var refusal = seen.IsClosed || seen.IsLocked || Now >= seen.Deadline ? typeof(ResendOutcome.Ended)
                    : seen.Sends >= s_terms.MaxSends ? typeof(ResendOutcome.NoSendsLeft)
                    : Now < seen.SentAt + s_terms.ResendCooldown ? typeof(ResendOutcome.CoolingDown)
                    : null;
                if (refusal is null && _expected != seen && _expected?.Number != read.Number) refusal = typeof(ResendOutcome.Ended);
                if (refusal is null && _expected != seen) continue;
                outcome.ShouldBeOfType(refusal ?? typeof(ResendOutcome.Added));
                if (refusal is not null) return;
                _expected = seen with { Codes = [.. seen.Codes, code], Sends = seen.Sends + 1, SentAt = Now };
                _recordOf[code] = seen.Number;
                return;
            }
        }

        private async Task TryAsync(string code, int[] between)
        {
            var read = _expected;
            InterruptWith(between);
            var outcome = await Codes.TryAsync(_key, code);

            // Invariants that hold regardless of the model.
            if (outcome is TryOutcome.Right(var opened))
            {
                opened.Payload.Text("number").ShouldBe(
                    _recordOf[code].ToString(CultureInfo.InvariantCulture), "a code opens the record that it was made for");
                _succeeded.Add(_recordOf[code]).ShouldBeTrue("one success per record");
                _locked.ShouldNotContain(_recordOf[code], "a locked record stays locked");
                Now.ShouldBeLessThan(opened.Deadline);
            }

            for (var seen = read; ; seen = _expected)
            {
                if (seen is null || seen.IsClosed || Now >= seen.Deadline)
                {
                    outcome.ShouldBeOfType<TryOutcome.Expired>();
                    return;
                }
                if (seen.IsLocked)
                {
                    outcome.ShouldBeOfType<TryOutcome.Locked>();
                    _locked.Add(seen.Number);
                    return;
                }
                if (_expected != seen) continue;
                var isRight = seen.Codes.Contains(code, StringComparer.Ordinal);
                outcome.ShouldBeOfType(isRight ? typeof(TryOutcome.Right) : typeof(TryOutcome.Wrong));
                _expected = seen with { Used = seen.Used + 1, IsClosed = isRight };
                _tried[seen.Budget] = _tried.GetValueOrDefault(seen.Budget) + 1;
                _tried[seen.Budget].ShouldBeLessThanOrEqualTo(s_terms.MaxAttempts, "all codes share the attempts");
                return;
            }
        }

        private async Task RemoveAsync()
        {
            if (await Codes.FindAsync(_key) is not { } record) return;
            (await Codes.RemoveAsync(_key, record)).ShouldBeTrue();
            (await Codes.FindAsync(_key)).ShouldBeNull();
            _expected = null;
        }
    }
}
