namespace OtpPortal.Tests.Histories;

/// <summary>The checker's rules of codes and of availability, on histories written by hand.</summary>
public sealed class CodeRulesTests
{
    private static HistoryBuilder History => new();

    private static HistoryBuilder Sent => History.Begin().Mail("111111");

    [Fact]
    public void Accepts_one_success_after_wrong_attempts() =>
        Sent.Submit("f1", "000000", 401, left: 4).Submit("f1", "222222", 401, left: 3).Submit("f1", "111111", 200, "t0")
            .Submit("f1", "111111", 410).Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_a_code_that_succeeds_twice() =>
        Sent.At(10).Submit("f1", "111111", 200, "t0").At(10).Submit("f1", "111111", 200, "u0").Broken().ShouldBe(["code-succeeded-twice"]);

    [Fact]
    public void Finds_a_code_of_another_address() =>
        Sent.Begin("f2", "ben@example.com").Mail("222222", "ben@example.com").Submit("f1", "222222", 200, "t0")
            .Broken().ShouldBe(["wrong-code-accepted"]);

    [Fact]
    public void Finds_a_code_of_an_earlier_sign_in_of_the_address() =>
        Sent.Begin("f2").Mail("222222").Submit("f2", "111111", 200, "t0").Broken().ShouldBe(["wrong-code-accepted"]);

    [Fact]
    public void Finds_a_sign_in_for_another_address() =>
        Sent.Submit("f1", "111111", 200, "t0", "ben@example.com").Broken().ShouldBe(["wrong-address"]);

    [Fact]
    public void Finds_two_wrong_attempts_that_count_as_one() =>
        Sent.At(10).Submit("f1", "000000", 401, left: 4).At(10).Submit("f1", "000001", 401, left: 4)
            .Broken().ShouldBe(["attempt-not-counted"]);

    [Fact]
    public void Finds_a_locked_sign_in_that_accepts_a_code()
    {
        var history = Sent;
        for (var left = 4; left >= 0; left--) history.Submit("f1", "000000", 401, left: left);

        history.Submit("f1", "111111", 200, "t0").Broken().ShouldBe(["locked-sign-in-accepted"]);
    }

    [Fact]
    public void Accepts_that_a_locked_sign_in_refuses_the_right_code()
    {
        var history = Sent;
        for (var left = 4; left >= 0; left--) history.Submit("f1", "000000", 401, left: left);

        history.Submit("f1", "111111", 429).Broken().ShouldBeEmpty();
    }

    [Theory]
    [InlineData(401, "right-code-refused")]
    [InlineData(429, "right-code-refused")]
    [InlineData(410, "flow-lost")]
    public void Finds_a_right_code_that_is_refused(int status, string rule) =>
        Sent.Submit("f1", "111111", status, left: 4).Broken().ShouldBe([rule]);

    [Fact]
    public void Accepts_a_refusal_after_a_submission_without_an_answer() =>
        Sent.Submit("f1", "111111", null).Submit("f1", "111111", 410).Broken().ShouldBeEmpty();

    [Fact]
    public void Accepts_that_one_of_two_concurrent_submissions_is_refused() =>
        Sent.At(10).Submit("f1", "111111", 200, "t0").At(10.5).Submit("f1", "111111", 410).Broken().ShouldBeEmpty();

    [Fact]
    public void Finds_that_both_of_two_concurrent_submissions_are_refused() =>
        Sent.At(10).Submit("f1", "111111", 410).At(10.5).Submit("f1", "111111", 410).Broken().ShouldBe(["flow-lost", "flow-lost"]);

    [Fact]
    public void Accepts_a_refusal_after_the_deadline() => Sent.At(300).Submit("f1", "111111", 410).Broken().ShouldBeEmpty();

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(null)]
    public void Accepts_failures_during_a_fault_and_shortly_after(int? status) =>
        History.SignIn("t0").Fault(10, 20).At(15).Check("t0", status).At(25).Check("t0", status).At(40).Check("t0", "t1")
            .Broken().ShouldBeEmpty();

    [Theory]
    [InlineData(503)]
    [InlineData(null)]
    public void Finds_failures_long_after_a_fault(int? status) =>
        History.SignIn("t0").Fault(10, 20).At(36).Check("t0", status).Broken().ShouldBe(["unavailable-without-fault"]);

    [Fact]
    public void Accepts_failures_while_another_fault_runs() =>
        History.SignIn("t0").Fault(10, 20).Fault(12, 60).At(36).Check("t0", 503).At(59).Check("t0", null).Broken().ShouldBeEmpty();

    [Fact]
    public void Measures_the_longest_recovery() =>
        History.SignIn("t0").Fault(10, 20).At(21).Check("t0", 503).At(24).Check("t0", "t1").Report().LongestRecovery.ShouldBe(5000);

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(429)]
    public void Finds_an_answer_that_the_contract_does_not_have(int status) =>
        History.SignIn("t0").Check("t0", status).Broken().ShouldBe(["unexpected-answer"]);
}
