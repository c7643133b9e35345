using System.Text.Json;
using OtpPortal.OneTimeCodes;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.OneTimeCodes;

public sealed class CodeRaceOnRedisTests(RedisUnderTest store) : CodeRaceTests(store), IClassFixture<RedisUnderTest>;

public sealed class CodeRaceEmbeddedTests(EmbeddedUnderTest store) : CodeRaceTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class CodeRaceOnClusterTests(ClusterUnderTest store) : CodeRaceTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Tests the replacement of a record that races with another operation on a second replica.</summary>
public abstract class CodeRaceTests(StoreUnderTest store)
{
    private const int Rounds = 1000;
    private const string Email = "email";

    private static readonly CodeOptions s_terms = new(TimeSpan.FromMinutes(5), MaxAttempts: 5, MaxSends: 9, TimeSpan.Zero);

    private static JsonElement Data(string email) => Payloads.Of(Email, email);

    private static string NewKey() => CodeStore.KeyOf("tests", Guid.NewGuid().ToString());

    private static Task<CodeRecord?> ReplaceAsync(CodeStore codes, string key, CodeRecord? before, string code, string email) =>
        codes.ReplaceAsync(key, before, code, s_terms, Data(email), static _ => { });

    // Retries like the gateway does.
    private static async Task<CodeRecord> PutAsync(CodeStore codes, string key, string code, string email)
    {
        while (true)
        {
            if (await ReplaceAsync(codes, key, await codes.FindAsync(key), code, email) is { } record) return record;
        }
    }

    private async Task RepeatAsync(Func<CodeStore, CodeStore, string, Task> round)
    {
        using var replica = store.OpenReplica();
        CodeStore[] replicas = [new(store.Stores, store.Secret, store.Clock), new(replica ?? store.Stores, store.Secret, store.Clock)];
        await Parallel.ForAsync(
            0, Rounds, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (i, _) => await round(replicas[i % 2], replicas[1 - i % 2], NewKey()));
    }

    [Fact]
    public Task A_code_submitted_during_a_replacement_is_accepted_only_for_its_own_record() => RepeatAsync(async (one, two, key) =>
    {
        await PutAsync(one, key, "111111", "eve@example.com");

        var put = Task.Run(() => PutAsync(one, key, "222222", "ann@example.com"));
        var tried = await Task.Run(() => two.TryAsync(key, "111111"));
        var replacement = await put;

        if (tried is TryOutcome.Right(var opened)) opened.Payload.Text(Email).ShouldBe("eve@example.com");
        var record = (await two.FindAsync(key)).ShouldNotBeNull();
        (record.Payload.Text(Email), record.IsOpen, record.Nonce).ShouldBe(("ann@example.com", true, replacement.Nonce));
        // The attempt is counted on one of the records, unless it succeeded on the first.
        record.AttemptsLeft.ShouldBe(tried is TryOutcome.Right ? 5 : 4);
    });

    [Fact]
    public Task A_resend_during_a_replacement_adds_no_code_to_the_new_record() => RepeatAsync(async (one, two, key) =>
    {
        var before = await PutAsync(one, key, "111111", "eve@example.com");

        var put = Task.Run(() => PutAsync(one, key, "222222", "ann@example.com"));
        await Task.Run(() => two.AddCodeAsync(key, before, "333333"));
        await put;

        foreach (var code in (string[])["111111", "333333"]) (await one.TryAsync(key, code)).ShouldBeOfType<TryOutcome.Wrong>();
        (await two.TryAsync(key, "222222")).ShouldBeOfType<TryOutcome.Right>().Record.Payload.Text(Email).ShouldBe("ann@example.com");
    });

    [Fact]
    public Task Two_concurrent_replacements_both_count_and_only_the_later_code_is_valid() => RepeatAsync(async (one, two, key) =>
    {
        var puts = await Task.WhenAll(
            Task.Run(() => PutAsync(one, key, "111111", "111111")), Task.Run(() => PutAsync(two, key, "222222", "222222")));

        puts.Select(put => put.Sends).Order().ShouldBe([1, 2]);
        var (earlier, later) = (puts.MinBy(put => put.Sends)!, puts.MaxBy(put => put.Sends)!);
        (await one.TryAsync(key, earlier.Payload.Text(Email)!)).ShouldBeOfType<TryOutcome.Wrong>();
        (await two.TryAsync(key, later.Payload.Text(Email)!)).ShouldBeOfType<TryOutcome.Right>()
            .Record.Payload.Text(Email).ShouldBe(later.Payload.Text(Email)!);
    });

    [Fact]
    public Task A_concurrent_read_never_sees_a_removed_record_as_closed() => RepeatAsync(async (one, two, key) =>
    {
        var record = await PutAsync(one, key, "111111", "ann@example.com");
        var looks = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => two.FindAsync(key))));

        (await Task.Run(() => one.RemoveAsync(key, record))).ShouldBeTrue();

        (await looks).ShouldAllBe(found => found == null || found.IsOpen);
    });

    [Fact]
    public Task Only_one_of_several_concurrent_removals_succeeds() => RepeatAsync(async (one, two, key) =>
    {
        var record = await PutAsync(one, key, "111111", "ann@example.com");

        var removals = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(i => Task.Run(() => (i % 2 == 0 ? one : two).RemoveAsync(key, record))));

        removals.Count(removed => removed).ShouldBe(1);
    });

    // The same races, forced between reading and writing the record.
    private (CodeStore Codes, InterleavingClock Clock) NewInterruptibleStore()
    {
        var clock = new InterleavingClock(store.Clock);
        return (new CodeStore(store.Stores, store.Secret, clock), clock);
    }

    [Fact]
    public async Task A_code_is_checked_against_the_record_that_replaced_the_one_read()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        await PutAsync(codes, key, "111111", "eve@example.com");
        clock.Interrupt(() => PutAsync(codes, key, "222222", "ann@example.com"));

        var outcome = await codes.TryAsync(key, "111111");

        outcome.ShouldBeOfType<TryOutcome.Wrong>().Record.Payload.Text(Email).ShouldBe("ann@example.com");
        (await codes.FindAsync(key))!.IsOpen.ShouldBeTrue();
    }

    [Fact]
    public async Task A_code_whose_record_is_removed_after_the_read_is_expired()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        await PutAsync(codes, key, "111111", "ann@example.com");
        clock.Interrupt(() => codes.RemoveAsync(key));

        (await codes.TryAsync(key, "111111")).ShouldBeOfType<TryOutcome.Expired>().Record.ShouldBeNull();

        (await codes.FindAsync(key)).ShouldBeNull();
    }

    [Fact]
    public async Task A_code_that_expires_during_the_comparison_is_refused()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        await PutAsync(codes, key, "111111", "ann@example.com");
        clock.Interrupt(() =>
        {
            store.Clock.Advance(s_terms.Lifetime);
            return Task.CompletedTask;
        });

        (await codes.TryAsync(key, "111111")).ShouldBeOfType<TryOutcome.Expired>();
    }

    [Fact]
    public async Task A_resend_fails_when_its_record_was_replaced()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        var before = await PutAsync(codes, key, "111111", "eve@example.com");
        clock.Interrupt(() => PutAsync(codes, key, "222222", "ann@example.com"));

        (await codes.AddCodeAsync(key, before, "333333")).ShouldBeOfType<ResendOutcome.Ended>();

        (await codes.TryAsync(key, "333333")).ShouldBeOfType<TryOutcome.Wrong>();
    }

    [Fact]
    public async Task The_payload_is_not_changed_when_the_record_was_replaced()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        var before = await PutAsync(codes, key, "111111", "eve@example.com");
        clock.Interrupt(() => PutAsync(codes, key, "222222", "ann@example.com"));

        (await codes.FillInAsync(key, before, "to", "eve@example.com")).ShouldBeFalse();

        (await codes.FindAsync(key))!.Payload.Text("to").ShouldBeNull();
    }

    [Fact]
    public async Task A_concurrent_attempt_and_resend_both_count()
    {
        var ((codes, clock), key) = (NewInterruptibleStore(), NewKey());
        await PutAsync(codes, key, "111111", "ann@example.com");
        clock.Interrupt(async () => await codes.AddCodeAsync(key, (await codes.FindAsync(key))!, "222222"));

        (await codes.TryAsync(key, "000000")).ShouldBeOfType<TryOutcome.Wrong>().AttemptsLeft.ShouldBe(4);

        var record = (await codes.FindAsync(key))!;
        (record.AttemptsLeft, record.Sends).ShouldBe((4, 2));
        (await codes.TryAsync(key, "222222")).ShouldBeOfType<TryOutcome.Right>();
    }
}
