using OtpPortal.Configuration;

namespace OtpPortal.Tests.Configuration;

/// <summary>The <c>.env</c> file.</summary>
public sealed class EnvFileTests
{
    private readonly List<string> _complaints = [];

    private Dictionary<string, string?> Parse(string text) => EnvFile.Parse(text, ".env", _complaints);

    [Theory]
    [InlineData("A=b", "b")]
    [InlineData("A = b ", "b")]
    [InlineData("  A=b", "b")]
    [InlineData("export A=b", "b")]
    [InlineData("A=", "")]
    [InlineData("A=b=c==", "b=c==")]
    [InlineData("A=b # a comment", "b")]
    [InlineData("A=b#no-comment", "b#no-comment")]
    [InlineData("A=# a comment", "")]
    [InlineData("A=\"b # c\"", "b # c")]
    [InlineData("A=\"b\" # c", "b")]
    [InlineData("A='b # c'", "b # c")]
    [InlineData("A=\"b\\\"c\"", "b\"c")]
    [InlineData("A=\"b\\nc\\td\\\\e\"", "b\nc\td\\e")]
    [InlineData("A='b\\nc'", "b\\nc")]
    [InlineData("A=it's", "it's")]
    [InlineData("\uFEFFA=b", "b")]
    [InlineData("A=b\r\n", "b")]
    [InlineData("# comment\n\n   \nA=b", "b")]
    [InlineData("A=a\nA=b", "b")]
    public void A_line_is_read_as_people_mean_it(string text, string value)
    {
        Parse(text)["A"].ShouldBe(value);
        _complaints.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("A=b\nwithout equals\nC=d", 2)]
    [InlineData("1A=b", 1)]
    [InlineData("=b", 1)]
    [InlineData("\n\nA B=c", 3)]
    [InlineData("A-B=c", 1)]
    [InlineData("# x\nA=\"never closed", 2)]
    [InlineData("A='never closed", 1)]
    [InlineData("A=\"closed\" and more", 1)]
    [InlineData("A=\"ends in a backslash\\", 1)]
    public void A_bad_line_is_named_by_its_number(string text, int line)
    {
        Parse(text);

        _complaints.ShouldHaveSingleItem().ShouldStartWith($".env, line {line}: ");
    }

    [Fact]
    public void Every_bad_line_is_named_and_the_good_ones_are_read()
    {
        var values = Parse("A=b\nbad\nC=d\nworse\n");

        values.ShouldBe(new Dictionary<string, string?> { ["A"] = "b", ["C"] = "d" });
        _complaints.Count.ShouldBe(2);
        _complaints[0].ShouldContain("line 2");
        _complaints[1].ShouldContain("line 4");
    }

    [Fact]
    public void A_bad_line_is_not_repeated_because_it_may_hold_a_secret()
    {
        Parse("my-secret-password\nKEY=\"my-secret-password");

        _complaints.Count.ShouldBe(2);
        _complaints.ShouldAllBe(complaint => !complaint.Contains("my-secret", StringComparison.Ordinal));
    }
}
