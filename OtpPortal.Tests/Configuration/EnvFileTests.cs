using OtpPortal.Configuration;

namespace OtpPortal.Tests.Configuration;

/// <summary>Parsing of the <c>.env</c> file.</summary>
public sealed class EnvFileTests
{
    private readonly List<string> _errors = [];

    private Dictionary<string, string?> Parse(string text) => EnvFile.Parse(text, ".env", _errors);

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
    public void Parses_a_valid_line(string text, string value)
    {
        Parse(text)["A"].ShouldBe(value);
        _errors.ShouldBeEmpty();
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
    public void Reports_the_number_of_an_invalid_line(string text, int line)
    {
        Parse(text);

        _errors.ShouldHaveSingleItem().ShouldStartWith($".env, line {line}: ");
    }

    [Fact]
    public void Reports_every_invalid_line_and_reads_the_valid_ones()
    {
        var values = Parse("A=b\nbad\nC=d\nworse\n");

        values.ShouldBe(new Dictionary<string, string?> { ["A"] = "b", ["C"] = "d" });
        _errors.Count.ShouldBe(2);
        _errors[0].ShouldContain("line 2");
        _errors[1].ShouldContain("line 4");
    }

    [Fact]
    public void Does_not_repeat_an_invalid_line_which_may_contain_a_secret()
    {
        Parse("my-secret-password\nKEY=\"my-secret-password");

        _errors.Count.ShouldBe(2);
        _errors.ShouldAllBe(error => !error.Contains("my-secret", StringComparison.Ordinal));
    }
}
