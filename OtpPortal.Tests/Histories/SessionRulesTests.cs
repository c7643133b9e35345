using OtpPortal.Histories.Recording;

namespace OtpPortal.Tests.Histories;

/// <summary>The checker's rules of sessions and rotation, on histories written by hand.</summary>
public sealed class SessionRulesTests
{
    private static readonly RunSettings s_sentinel = new() { Kind = "sentinel", Seed = 1, Duration = 60, LosesWritesOnFailover = true };

    private static HistoryBuilder History => new();

    [Fact]
    public void Accepts_a_session_from_sign_in_to_sign_out() =>
        History.SignIn("t0").Check("t0", "t1").Check("t1", "t2").Check("t0", "t1").List(("s", "t2")).Logout("t2").Refused("t2").List()
            .Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_check_that_succeeds_after_a_sign_out() =>
        History.SignIn("t0").Check("t0", "t1").Logout("t1").Check("t1", "t2").Broken().ShouldBe(["revoked-session-accepted"]);

    [Fact]
    public void Finds_a_check_of_an_older_token_after_a_sign_out() =>
        History.SignIn("t0").Check("t0", "t1").Logout("t1").Check("t0", "t1").Broken().ShouldBe(["revoked-session-accepted"]);

    [Fact]
    public void Accepts_a_check_that_began_before_the_revocation_was_acknowledged() =>
        History.SignIn("t0").At(10).Logout("t0").At(10.9).Check("t0", "t1").Broken().ShouldBeEmpty();

    [Fact]
    public void Accepts_a_check_after_a_revocation_without_an_answer() =>
        History.SignIn("t0").Logout("t0", null).Check("t0", "t1").Logout("t1", 503).Check("t1", "t2").Broken().ShouldBeEmpty();

    [Fact]
    public void Accepts_a_check_after_a_sign_out_with_a_token_whose_grace_may_have_passed() =>
        History.SignIn("t0").At(10).Check("t0", "t1").At(25).Logout("t0").Check("t1", "t2").Broken().ShouldBeEmpty();

    [Theory]
    [InlineData(204)]
    [InlineData(404)]
    public void Finds_a_check_that_succeeds_after_the_session_was_revoked_by_its_id(int status) =>
        History.SignIn("t0").List(("s", "t0")).RevokeSession("s", status).Check("t0", "t1")
            .Broken().ShouldBe(["revoked-session-accepted"]);

    [Fact]
    public void Accepts_a_check_after_another_session_was_revoked_by_its_id() =>
        History.SignIn("t0").SignIn("u0", "f2", "222222").List(("s", "t0"), ("u", "u0")).RevokeSession("u").Check("t0", "t1")
            .Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_check_that_succeeds_after_the_user_was_revoked() =>
        History.SignIn("t0").RevokeUser().Check("t0", "t1").Broken().ShouldBe(["revoked-session-accepted"]);

    [Fact]
    public void Accepts_a_session_that_began_after_the_user_was_revoked_and_one_of_another_user() =>
        History.RevokeUser().SignIn("t0").RevokeUser("ben@example.com").Check("t0", "t1").Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_list_with_a_revoked_session() =>
        History.SignIn("t0").List(("s", "t0")).Logout("t0").List(("s", "t0")).Broken().ShouldBe(["revoked-session-listed"]);

    [Fact]
    public void Finds_a_list_without_a_live_session() =>
        History.SignIn("t0").List(("s", "t0")).List().Broken().ShouldBe(["live-session-not-listed"]);

    [Fact]
    public void Finds_a_list_with_a_superseded_token() =>
        History.SignIn("t0").At(10).Check("t0", "t1").At(25).List(("s", "t0")).Broken().ShouldBe(["superseded-token-listed"]);

    [Fact]
    public void Finds_a_lost_sign_in() => History.SignIn("t0").Refused("t0").Broken().ShouldBe(["sign-in-lost"]);

    [Fact]
    public void Finds_a_sign_out_without_a_reason() =>
        History.SignIn("t0").Check("t0", "t1").Refused("t1").Refused("t1").Broken().ShouldBe(["signed-out"]);

    [Fact]
    public void Finds_a_token_that_is_refused_within_its_grace_period() =>
        History.SignIn("t0").At(10).Check("t0", "t1").At(18).Refused("t0").Broken().ShouldBe(["signed-out"]);

    [Fact]
    public void Accepts_a_refusal_after_a_revocation_without_an_answer_or_while_one_runs() =>
        History.SignIn("t0").Logout("t0", null).Refused("t0").Broken().ShouldBeEmpty();

    [Fact]
    public void Accepts_a_refusal_while_a_revocation_runs() =>
        History.SignIn("t0").At(10.5).Refused("t0").At(11).Logout("t0").Broken().ShouldBeEmpty();

    [Fact]
    public void Counts_a_token_that_may_have_been_rotated_by_a_check_without_an_answer()
    {
        var report = History.SignIn("t0").At(10).Unanswered("t0").At(25).Refused("t0").Report();

        report.Anomalies.ShouldBeEmpty();
        report.ExpiredTokens.ShouldBe(1);
    }

    [Fact]
    public void Finds_a_refusal_soon_after_a_check_without_an_answer() =>
        History.SignIn("t0").At(10).Unanswered("t0").At(15).Refused("t0").Broken().ShouldBe(["sign-in-lost"]);

    [Fact]
    public void Accepts_that_an_unused_session_expires() => Expiring.SignIn("t0").At(40).Refused("t0").Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_session_that_expires_although_it_is_used() =>
        Expiring.SignIn("t0").At(20).Check("t0", "t1").At(35).Refused("t1").Broken().ShouldBe(["signed-out"]);

    [Fact]
    public void Finds_an_expired_session_that_is_accepted() =>
        Expiring.SignIn("t0").At(40).Check("t0", "t1").Broken().ShouldBe(["expired-session-accepted"]);

    [Fact]
    public void Finds_two_successors_of_one_token() =>
        History.SignIn("t0").At(10).Check("t0", "t1").At(10.5).Check("t0", "x1", "b").Broken().ShouldBe(["two-successors"]);

    [Fact]
    public void Finds_a_rotation_that_is_undone() =>
        History.SignIn("t0").Check("t0", "t1").Check("t1", "t2").Check("t1", "t1").Broken().ShouldBe(["rotation-undone"]);

    [Fact]
    public void Accepts_a_check_without_rotation_that_races_with_one_that_rotates() =>
        History.SignIn("t0").Check("t0", "t1").At(20).Check("t1", "t2").At(20.5).Check("t1", "t1").Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_token_that_outlives_its_grace_period() =>
        History.SignIn("t0").At(10).Check("t0", "t1").At(25).Check("t0", "t1").Broken().ShouldBe(["superseded-token-accepted"]);

    [Fact]
    public void Finds_a_first_check_that_does_not_rotate() =>
        History.SignIn("t0").Check("t0", "t0").Broken().ShouldBe(["first-check-without-rotation"]);

    [Fact]
    public void Finds_two_tokens_with_one_successor() =>
        History.SignIn("t0").Check("t0", "t1").Check("t1", "t2").Check("t2", "t1").Broken().ShouldContain("two-predecessors");

    [Fact]
    public void Finds_two_sessions_with_one_token() =>
        History.SignIn("t0").SignIn("t0", "f2", "222222").Broken().ShouldBe(["shared-token"]);

    [Fact]
    public void Finds_a_check_that_answers_another_address() =>
        History.SignIn("t0").Check("t0", "t1", email: "ben@example.com").Broken().ShouldBe(["wrong-address"]);

    [Theory]
    [InlineData(18, "failover", 0, 1)]
    [InlineData(2, "failover", 0, 1)]
    [InlineData(40, "failover", 1, 0)]
    [InlineData(18, "pause", 1, 0)]
    public void Counts_a_loss_apart_only_if_a_failover_can_explain_it(double time, string fault, int anomalies, int permitted)
    {
        var history = new HistoryBuilder { Settings = s_sentinel }.At(6).SignIn("t0").Fault(time, time, fault);

        var report = history.At(60).Refused("t0").Report();

        report.Anomalies.Count.ShouldBe(anomalies);
        report.PermittedLosses.Count.ShouldBe(permitted);
    }

    [Fact]
    public void One_server_may_lose_nothing() =>
        History.At(6).SignIn("t0").Fault(12, 12, "failover").At(60).Refused("t0").Broken().ShouldBe(["sign-in-lost"]);

    private static HistoryBuilder Expiring => new()
    {
        Settings = new RunSettings { Kind = "redis", Seed = 1, Duration = 60, IdleLifetime = 20 },
    };
}
