using System.Text.Json;
using System.Text.Json.Nodes;
using OtpPortal.OneTimeCodes;
using OtpPortal.Tests.Infrastructure;
using StackExchange.Redis;

namespace OtpPortal.Tests.OneTimeCodes;

public sealed class CodeStoreOnRedisTests(RedisUnderTest store) : CodeStoreTests(store), IClassFixture<RedisUnderTest>;

public sealed class CodeStoreEmbeddedTests(EmbeddedUnderTest store) : CodeStoreTests(store), IClassFixture<EmbeddedUnderTest>;

public sealed class CodeStoreOnClusterTests(ClusterUnderTest store) : CodeStoreTests(store), IClassFixture<ClusterUnderTest>;

/// <summary>Tests the one-time code store, including guessing, races and leaks.</summary>
public abstract class CodeStoreTests(StoreUnderTest store)
{
    private static readonly CodeOptions s_terms = new(TimeSpan.FromMinutes(5), MaxAttempts: 5, MaxSends: 3, TimeSpan.FromSeconds(30));
    private static readonly JsonElement s_data = Payloads.Of("email", "ann@example.com");

    private readonly CodeStore _codes = new(store.Stores, store.Secret, store.Clock);

    private IDatabase Database => store.Stores.Otp.Database.Client;

    private async Task<string> BeginAsync(string? code)
    {
        var key = CodeStore.KeyOf("tests", Guid.NewGuid().ToString());
        await _codes.BeginAsync(key, code, s_terms, s_data);
        return key;
    }

    // Reads the record first, like all callers do.
    private async Task<ResendOutcome> AddCodeAsync(string key, string? code, string? link = null) =>
        await _codes.FindAsync(key) is { } record ? await _codes.AddCodeAsync(key, record, code, link) : new ResendOutcome.Ended();

    private async Task<JsonObject> StoredAsync(string key) =>
        JsonNode.Parse((string)(await Database.StringGetAsync(key + ":record"))!)!.AsObject();

    private async Task ChangeStoredAsync(string key, string name, JsonNode value)
    {
        var record = await StoredAsync(key);
        record[name] = value.DeepClone();
        await Database.StringSetAsync(key + ":record", record.ToJsonString(), TimeSpan.FromMinutes(1));
    }

    private Task<CodeRecord?> ReplaceAsync(string key, CodeRecord? before, string code, CodeOptions terms) =>
        _codes.ReplaceAsync(key, before, code, terms, s_data, static _ => { });

    [Fact]
    public async Task A_new_record_has_the_configured_limits_and_times()
    {
        var key = await BeginAsync("123456");

        var record = (await _codes.FindAsync(key)).ShouldNotBeNull();

        record.AttemptsLeft.ShouldBe(5);
        record.MaxAttempts.ShouldBe(5);
        record.Sends.ShouldBe(1);
        record.MaxSends.ShouldBe(3);
        record.SentAt.ShouldBe(store.Clock.GetUtcNow());
        record.ResendAt.ShouldBe(store.Clock.GetUtcNow().AddSeconds(30));
        record.Deadline.ShouldBe(store.Clock.GetUtcNow().AddMinutes(5));
        record.IsOpen.ShouldBeTrue();
        record.Payload.Text("email").ShouldBe("ann@example.com");
    }

    [Fact]
    public async Task The_correct_code_is_accepted_only_once()
    {
        var key = await BeginAsync("012345");

        var outcome = (await _codes.TryAsync(key, "012345")).ShouldBeOfType<TryOutcome.Right>();
        outcome.Record.Payload.Text("email").ShouldBe("ann@example.com");
        (await _codes.TryAsync(key, "012345")).ShouldBeOfType<TryOutcome.Expired>();
        (await _codes.FindAsync(key))!.IsOpen.ShouldBeFalse();
    }

    [Fact]
    public async Task Leading_zeros_are_significant()
    {
        var key = await BeginAsync("012345");

        (await _codes.TryAsync(key, "12345")).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryAsync(key, "012345")).ShouldBeOfType<TryOutcome.Right>();
    }

    [Fact]
    public async Task Five_wrong_attempts_lock_the_record_even_for_the_correct_code()
    {
        var key = await BeginAsync("123456");
        for (var left = 4; left >= 0; left--)
        {
            (await _codes.TryAsync(key, "000000")).ShouldBeOfType<TryOutcome.Wrong>().AttemptsLeft.ShouldBe(left);
        }

        (await _codes.TryAsync(key, "123456")).ShouldBeOfType<TryOutcome.Locked>();
        (await _codes.FindAsync(key))!.IsLocked.ShouldBeTrue();
        store.Clock.Advance(TimeSpan.FromSeconds(60));
        (await AddCodeAsync(key, "654321")).ShouldBeOfType<ResendOutcome.Ended>();
        (await _codes.TryAsync(key, "654321")).ShouldBeOfType<TryOutcome.Locked>();
    }

    [Fact]
    public async Task Only_one_of_fifty_concurrent_correct_codes_succeeds()
    {
        // Enough attempts for all, so that the limit does not stop them.
        var key = CodeStore.KeyOf("tests", Guid.NewGuid().ToString());
        await _codes.BeginAsync(key, "123456", s_terms with { MaxAttempts = 20 }, s_data);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(() => _codes.TryAsync(key, "123456"))));

        outcomes.OfType<TryOutcome.Right>().Count().ShouldBe(1);
        outcomes.OfType<TryOutcome.Wrong>().ShouldBeEmpty();
    }

    [Fact]
    public async Task Two_hundred_concurrent_guesses_get_five_attempts()
    {
        var key = await BeginAsync("999999");

        var outcomes =
            await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => _codes.TryAsync(key, i.ToString("D6", null)))));

        outcomes.OfType<TryOutcome.Wrong>().Select(wrong => wrong.AttemptsLeft).Order().ShouldBe([0, 1, 2, 3, 4]);
        outcomes.OfType<TryOutcome.Locked>().Count().ShouldBe(195);
        (await _codes.TryAsync(key, "999999")).ShouldBeOfType<TryOutcome.Locked>();
    }

    [Fact]
    public async Task Concurrent_guesses_that_include_the_code_get_at_most_five_comparisons()
    {
        for (var round = 0; round < 10; round++)
        {
            var key = await BeginAsync("000042");

            var outcomes =
                await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(() => _codes.TryAsync(key, i.ToString("D6", null)))));

            var compared = outcomes.Count(outcome => outcome is TryOutcome.Right or TryOutcome.Wrong);
            compared.ShouldBeLessThanOrEqualTo(5);
        }
    }

    [Fact]
    public async Task Every_sent_code_is_valid_until_the_original_deadline()
    {
        foreach (var code in (string[])["111111", "222222", "333333"])
        {
            var key = await BeginAsync("111111");
            var deadline = (await _codes.FindAsync(key))!.Deadline;
            foreach (var next in (string[])["222222", "333333"])
            {
                store.Clock.Advance(TimeSpan.FromSeconds(30));
                var added = (await AddCodeAsync(key, next)).ShouldBeOfType<ResendOutcome.Added>();
                added.Record.Deadline.ShouldBe(deadline);
            }
            store.Clock.Advance(TimeSpan.FromSeconds(239));
            (await _codes.TryAsync(key, code)).ShouldBeOfType<TryOutcome.Right>();
        }
    }

    [Fact]
    public async Task Resends_are_limited_by_cooldown_and_number()
    {
        var key = await BeginAsync("111111");

        store.Clock.Advance(TimeSpan.FromSeconds(29));
        (await AddCodeAsync(key, "222222")).ShouldBeOfType<ResendOutcome.CoolingDown>().Until
            .ShouldBe(store.Clock.GetUtcNow().AddSeconds(1));
        (await _codes.TryAsync(key, "222222")).ShouldBeOfType<TryOutcome.Wrong>("a code that was not added is worth nothing");
        store.Clock.Advance(TimeSpan.FromSeconds(1));
        (await AddCodeAsync(key, "222222")).ShouldBeOfType<ResendOutcome.Added>().Record.Sends.ShouldBe(2);
        (await AddCodeAsync(key, "333333")).ShouldBeOfType<ResendOutcome.CoolingDown>();
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await AddCodeAsync(key, "333333")).ShouldBeOfType<ResendOutcome.Added>();
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await AddCodeAsync(key, "444444")).ShouldBeOfType<ResendOutcome.NoSendsLeft>();
    }

    [Fact]
    public async Task Only_one_of_several_concurrent_resends_succeeds()
    {
        for (var round = 0; round < 10; round++)
        {
            var key = await BeginAsync("111111");
            store.Clock.Advance(TimeSpan.FromSeconds(30));

            var outcomes = await Task.WhenAll(
                Task.Run(() => AddCodeAsync(key, "222222")), Task.Run(() => AddCodeAsync(key, "333333")),
                Task.Run(() => AddCodeAsync(key, "444444")));

            outcomes.OfType<ResendOutcome.Added>().Count().ShouldBe(1);
            outcomes.OfType<ResendOutcome.CoolingDown>().Count().ShouldBe(2);
            (await _codes.FindAsync(key))!.Sends.ShouldBe(2);
        }
    }

    [Fact]
    public async Task A_record_expires_at_its_deadline_although_it_is_still_stored()
    {
        var key = await BeginAsync("123456");

        store.Clock.Advance(TimeSpan.FromMinutes(5));

        (await _codes.TryAsync(key, "123456")).ShouldBeOfType<TryOutcome.Expired>().Record
            .ShouldNotBeNull("a user who returns late sees what happened");
        (await AddCodeAsync(key, "222222")).ShouldBeOfType<ResendOutcome.Ended>();
        (await _codes.FindAsync(key))!.AttemptsLeft.ShouldBe(5, "late attempts are not counted");
    }

    [Fact]
    public async Task A_decoy_record_looks_like_a_real_one_and_accepts_no_code()
    {
        var key = await BeginAsync(null);

        (await _codes.TryAsync(key, "")).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryAsync(key, "000000")).ShouldBeOfType<TryOutcome.Wrong>();
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await AddCodeAsync(key, null)).ShouldBeOfType<ResendOutcome.Added>();
        var real = await BeginAsync("123456");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        await AddCodeAsync(real, "654321");
        foreach (var each in (string[])["000000", "000001"]) await _codes.TryAsync(real, each);
        var (decoy, like) = (await StoredAsync(key), await StoredAsync(real));
        decoy.Select(field => field.Key).ShouldBe(like.Select(field => field.Key));
        Lengths(decoy).ShouldBe(Lengths(like));

        static IEnumerable<int> Lengths(JsonObject record) => record["Hashes"]!.AsArray().Select(hash => hash!.GetValue<string>().Length);
    }

    [Fact]
    public async Task A_code_is_refused_for_another_record()
    {
        var (one, two) = (await BeginAsync("123456"), await BeginAsync("654321"));
        // Write access to the store does not help: each hash is bound to its record.
        await ChangeStoredAsync(two, "Hashes", (await StoredAsync(one))["Hashes"]!);

        (await _codes.TryAsync(two, "123456")).ShouldBeOfType<TryOutcome.Wrong>();
    }

    [Fact]
    public async Task The_store_does_not_reveal_codes()
    {
        var key = CodeStore.KeyOf("tests", "the-secret-id-of-a-flow");
        await _codes.BeginAsync(key, "918273645918", s_terms, s_data);
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        await AddCodeAsync(key, "564738291564");
        await _codes.TryAsync(key, "111122223333");

        var dump = store.Dump().Text;

        foreach (var secret in (string[])["918273645918", "564738291564", "111122223333", "the-secret-id-of-a-flow"])
            dump.Contains(secret, StringComparison.Ordinal).ShouldBeFalse(secret);
        // Brute force does not help either: the hashes depend on a key outside the store.
        var stranger = new CodeStore(store.Stores, new OtpPortal.Security.AuthSecret("another-secret-0123456789"), store.Clock);
        (await stranger.TryAsync(key, "918273645918")).ShouldBeOfType<TryOutcome.Wrong>();
    }

    [Fact]
    public async Task No_operation_restores_a_removed_record()
    {
        var key = await BeginAsync("123456");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        await _codes.RemoveAsync(key);

        (await _codes.TryAsync(key, "123456")).ShouldBeOfType<TryOutcome.Expired>().Record.ShouldBeNull();
        (await AddCodeAsync(key, "222222")).ShouldBeOfType<ResendOutcome.Ended>();
        (await _codes.FindAsync(key)).ShouldBeNull();
        store.Dump().Keys.ShouldAllBe(name => !name.StartsWith(key, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_record_removed_during_other_operations_leaves_no_key_without_expiry()
    {
        for (var round = 0; round < 20; round++)
        {
            var key = await BeginAsync("123456");
            store.Clock.Advance(TimeSpan.FromSeconds(30));

            await Task.WhenAll(
                Task.Run(() => _codes.TryAsync(key, "000000")), Task.Run(() => AddCodeAsync(key, "222222")),
                Task.Run(() => _codes.RemoveAsync(key)), Task.Run(() => _codes.TryAsync(key, "123456")));
        }

        store.Dump().WithoutExpiry.ShouldBeEmpty();
    }

    [Fact]
    public async Task Every_key_expires_shortly_after_the_deadline()
    {
        var key = await BeginAsync("123456");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        await AddCodeAsync(key, "222222");
        await _codes.TryAsync(key, "000000");

        var entries = store.Dump().Entries.Where(entry => entry.Key.StartsWith(key, StringComparison.Ordinal)).ToList();

        entries.Count.ShouldBe(1);
        entries.ShouldAllBe(entry => entry.TimeToLive > TimeSpan.FromMinutes(14) && entry.TimeToLive <= TimeSpan.FromMinutes(15));
    }

    private async Task<(string Key, string Link)> BeginWithLinkAsync(string code)
    {
        var (key, link) = (CodeStore.KeyOf("tests", Guid.NewGuid().ToString()), CodeStore.NewLink());
        await _codes.BeginAsync(key, code, link, s_terms, s_data);
        return (key, link);
    }

    [Fact]
    public async Task A_link_is_accepted_once_and_the_code_is_refused_afterwards()
    {
        var (key, link) = await BeginWithLinkAsync("123456");

        (await _codes.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Right>().Record.Payload.Text("email").ShouldBe("ann@example.com");

        (await _codes.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Expired>();
        (await _codes.TryAsync(key, "123456")).ShouldBeOfType<TryOutcome.Expired>();
        var record = (await _codes.FindAsync(key)).ShouldNotBeNull();
        record.IsOpen.ShouldBeFalse();
        _codes.HasLink(key, record, link).ShouldBeTrue("its owner is still known");
    }

    [Fact]
    public async Task A_link_is_refused_after_the_code_was_used()
    {
        var (key, link) = await BeginWithLinkAsync("123456");
        await _codes.TryAsync(key, "123456");

        (await _codes.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Expired>();
    }

    [Fact]
    public async Task Only_one_of_several_concurrent_links_and_codes_succeeds()
    {
        var (key, link) = (CodeStore.KeyOf("tests", Guid.NewGuid().ToString()), CodeStore.NewLink());
        await _codes.BeginAsync(key, "123456", link, s_terms with { MaxAttempts = 20 }, s_data);

        var outcomes = await Task.WhenAll(
            Enumerable.Range(0, 50)
                .Select(i => Task.Run(() => i % 2 == 0 ? _codes.TryLinkAsync(key, link) : _codes.TryAsync(key, "123456"))));

        outcomes.OfType<TryOutcome.Right>().Count().ShouldBe(1);
        outcomes.OfType<TryOutcome.Wrong>().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_wrong_link_uses_no_attempt_and_a_locked_record_refuses_its_link()
    {
        var (key, link) = await BeginWithLinkAsync("123456");
        foreach (var wrong in (string[])["", "123456", CodeStore.NewLink(), link + "x", link[1..], link.ToUpperInvariant() + "\n"])
        {
            (await _codes.TryLinkAsync(key, wrong)).ShouldBeOfType<TryOutcome.Wrong>().AttemptsLeft.ShouldBe(5);
        }
        (await _codes.TryAsync(key, link)).ShouldBeOfType<TryOutcome.Wrong>("a link is no code").AttemptsLeft.ShouldBe(4);
        for (var i = 0; i < 4; i++) await _codes.TryAsync(key, "000000");

        (await _codes.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Locked>();
        (await _codes.TryLinkAsync(key, CodeStore.NewLink()))
            .ShouldBeOfType<TryOutcome.Wrong>("whatever the state, it is no link of this record");
    }

    [Fact]
    public async Task A_link_is_refused_for_another_record()
    {
        var ((one, link), (two, _)) = (await BeginWithLinkAsync("123456"), await BeginWithLinkAsync("123456"));
        var without = await BeginAsync("123456");

        (await _codes.TryLinkAsync(two, link)).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryLinkAsync(without, link)).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryLinkAsync(CodeStore.KeyOf("tests", "nowhere"), link)).ShouldBeOfType<TryOutcome.Expired>().Record.ShouldBeNull();
        // Write access to the store does not help: each hash is bound to its record and its kind.
        var (links, hashes) = ((await StoredAsync(one))["LinkHashes"]!, (await StoredAsync(one))["Hashes"]!);
        await ChangeStoredAsync(two, "LinkHashes", links);
        await ChangeStoredAsync(two, "Hashes", links);
        (await _codes.TryLinkAsync(two, link)).ShouldBeOfType<TryOutcome.Wrong>();
        var both = links.AsArray().Concat(hashes.AsArray()).Select(hash => hash!.DeepClone());
        await ChangeStoredAsync(one, "LinkHashes", new JsonArray([.. both]));
        await ChangeStoredAsync(one, "Hashes", links);
        (await _codes.TryAsync(one, link)).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryLinkAsync(one, "123456")).ShouldBeOfType<TryOutcome.Wrong>();
        (await _codes.TryLinkAsync(one, link)).ShouldBeOfType<TryOutcome.Right>();
    }

    [Fact]
    public async Task Every_sent_link_is_valid_until_the_original_deadline()
    {
        foreach (var number in (int[])[0, 1, 2])
        {
            var (key, first) = await BeginWithLinkAsync("111111");
            string[] links = [first, CodeStore.NewLink(), CodeStore.NewLink()];
            foreach (var next in links[1..])
            {
                store.Clock.Advance(TimeSpan.FromSeconds(30));
                var added = (await AddCodeAsync(key, "222222", next)).ShouldBeOfType<ResendOutcome.Added>().Record;
                _codes.HasLink(key, added, next).ShouldBeTrue();
            }
            store.Clock.Advance(TimeSpan.FromSeconds(239));
            (await _codes.TryLinkAsync(key, links[number])).ShouldBeOfType<TryOutcome.Right>();
        }
        var (late, link) = await BeginWithLinkAsync("111111");
        store.Clock.Advance(s_terms.Lifetime);
        (await _codes.TryLinkAsync(late, link)).ShouldBeOfType<TryOutcome.Expired>().Record.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_rejected_resend_adds_no_link_and_a_replacement_removes_the_link()
    {
        var (key, link) = await BeginWithLinkAsync("111111");
        var early = CodeStore.NewLink();
        (await AddCodeAsync(key, "222222", early)).ShouldBeOfType<ResendOutcome.CoolingDown>();
        (await _codes.TryLinkAsync(key, early)).ShouldBeOfType<TryOutcome.Wrong>();

        await ReplaceAsync(key, await _codes.FindAsync(key), "222222", s_terms);

        (await _codes.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Wrong>();
    }

    [Fact]
    public async Task The_store_does_not_reveal_links()
    {
        var (key, link) = await BeginWithLinkAsync("111111");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        var second = CodeStore.NewLink();
        await AddCodeAsync(key, "222222", second);
        await _codes.TryLinkAsync(key, second[..^1] + "?");

        var dump = store.Dump().Text;

        foreach (var secret in (string[])[link, second, OtpPortal.Security.Digest.Of(link)])
        {
            dump.Contains(secret, StringComparison.OrdinalIgnoreCase).ShouldBeFalse();
        }
        var stranger = new CodeStore(store.Stores, new OtpPortal.Security.AuthSecret("another-secret-0123456789"), store.Clock);
        (await stranger.TryLinkAsync(key, link)).ShouldBeOfType<TryOutcome.Wrong>();
        CodeStore.NewLink().ShouldMatch("^[A-Za-z0-9]{43}$");
    }

    [Fact]
    public void Codes_are_uniformly_distributed_and_keep_leading_zeros()
    {
        var codes = Enumerable.Range(0, 5000).Select(_ => CodeStore.NewCode(6)).ToList();

        codes.ShouldAllBe(code => code.Length == 6 && code.All(char.IsAsciiDigit));
        // 500 are expected of each digit in each place; 6 standard deviations are 127.
        for (var place = 0; place < 6; place++)
        {
            codes.GroupBy(code => code[place]).Select(group => group.Count()).ShouldAllBe(count => count > 373 && count < 627);
        }
        codes.Distinct().Count().ShouldBeGreaterThan(4900);
    }

    [Fact]
    public async Task A_replacement_inherits_attempts_and_sends_and_invalidates_old_codes()
    {
        var key = await BeginAsync("111111");
        await _codes.TryAsync(key, "000000");
        var before = await _codes.FindAsync(key);

        var record = (await ReplaceAsync(key, before, "222222", s_terms with { MaxAttempts = 4 })).ShouldNotBeNull();

        (record.AttemptsLeft, record.MaxAttempts, record.Sends).ShouldBe((3, 4, 2));
        (await _codes.TryAsync(key, "111111")).ShouldBeOfType<TryOutcome.Wrong>().AttemptsLeft.ShouldBe(2);
        (await _codes.TryAsync(key, "222222")).ShouldBeOfType<TryOutcome.Right>();
    }

    [Fact]
    public async Task A_replacement_fails_when_an_attempt_was_used_since_the_read()
    {
        var key = await BeginAsync("111111");
        var before = await _codes.FindAsync(key);
        await _codes.TryAsync(key, "000000");

        (await ReplaceAsync(key, before, "222222", s_terms)).ShouldBeNull();

        (await _codes.FindAsync(key))!.AttemptsLeft.ShouldBe(4);
    }

    [Fact]
    public async Task Only_one_of_several_concurrent_replacements_succeeds()
    {
        var key = await BeginAsync("111111");
        var before = await _codes.FindAsync(key);
        var nowhere = CodeStore.KeyOf("tests", Guid.NewGuid().ToString());

        var replaced = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ReplaceAsync(key, before, "222222", s_terms)));
        var begun = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => ReplaceAsync(nowhere, null, "222222", s_terms)));

        replaced.Count(record => record is not null).ShouldBe(1);
        begun.Count(record => record is not null).ShouldBe(1);
        (await _codes.FindAsync(key))!.Sends.ShouldBe(2);
    }

    [Fact]
    public async Task A_closed_or_expired_record_is_replaced_by_a_new_one()
    {
        var opened = await BeginAsync("111111");
        await _codes.TryAsync(opened, "000000");
        await _codes.TryAsync(opened, "111111");
        var over = await BeginAsync("111111");
        await _codes.TryAsync(over, "000000");
        store.Clock.Advance(s_terms.Lifetime);

        foreach (var key in new[] { opened, over })
        {
            var record = (await ReplaceAsync(key, await _codes.FindAsync(key), "222222", s_terms)).ShouldNotBeNull();
            (record.AttemptsLeft, record.Sends, record.IsOpen).ShouldBe((5, 1, true));
        }
    }

    [Fact]
    public async Task A_payload_field_is_added_once_and_only_while_the_record_is_open()
    {
        var key = await BeginAsync("111111");
        var record = (await _codes.FindAsync(key))!;

        var filled = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _codes.FillInAsync(key, record, "to", $"{i}@example.com")));
        filled.Count(done => done).ShouldBe(1);
        await _codes.TryAsync(key, "111111");
        (await _codes.FillInAsync(key, record, "cc", "eve@example.com")).ShouldBeFalse();
    }

    [Fact]
    public async Task Removing_a_replaced_record_keeps_its_replacement()
    {
        var key = await BeginAsync("111111");
        var before = (await _codes.FindAsync(key))!;
        await ReplaceAsync(key, before, "222222", s_terms);

        await _codes.RemoveAsync(key, before);

        (await _codes.TryAsync(key, "222222")).ShouldBeOfType<TryOutcome.Right>().Record.ShouldNotBeNull();
    }

    [Fact]
    public async Task Only_one_of_several_concurrent_removals_succeeds_and_runs_its_commands()
    {
        var key = await BeginAsync("111111");
        var record = (await _codes.FindAsync(key))!;

        var removed = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _codes.RemoveAsync(
            key, record, also => also.StringIncrementAsync(key + ":removed"))));

        removed.Count(done => done).ShouldBe(1);
        ((int)await Database.StringGetAsync(key + ":removed")).ShouldBe(1);
        (await _codes.RemoveAsync(key, record)).ShouldBeFalse();
        await Database.KeyDeleteAsync(key + ":removed");
    }

    [Fact]
    public async Task The_payload_of_a_removed_or_replaced_record_cannot_be_changed()
    {
        var key = await BeginAsync("111111");
        var record = (await _codes.FindAsync(key))!;
        await ReplaceAsync(key, record, "222222", s_terms);

        (await _codes.ChangePayloadAsync(key, record, static payload => payload)).ShouldBeFalse();
        await _codes.RemoveAsync(key);
        (await _codes.ChangePayloadAsync(key, record, static payload => payload)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_code_that_is_sent_twice_by_chance_is_valid()
    {
        var key = await BeginAsync("111111");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        (await AddCodeAsync(key, "111111")).ShouldBeOfType<ResendOutcome.Added>();

        (await _codes.TryAsync(key, "111111")).ShouldBeOfType<TryOutcome.Right>();
    }

    [Fact]
    public async Task A_record_without_a_link_has_no_hash_that_a_link_could_match()
    {
        var key = await BeginAsync("111111");
        store.Clock.Advance(TimeSpan.FromSeconds(30));
        await AddCodeAsync(key, "222222");

        (await StoredAsync(key))["LinkHashes"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task The_commands_of_a_success_run_in_its_transaction()
    {
        var key = await BeginAsync("111111");

        await _codes.TryAsync(key, "222222", also => also.StringIncrementAsync(key + ":right"));
        (await Database.KeyExistsAsync(key + ":right")).ShouldBeFalse();
        await _codes.TryAsync(key, "111111", also => also.StringIncrementAsync(key + ":right"));

        ((int)await Database.StringGetAsync(key + ":right")).ShouldBe(1);
        await Database.KeyDeleteAsync(key + ":right");
    }
}
