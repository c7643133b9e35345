using OtpPortal.OneTimeCodes;

namespace OtpPortal.Tests.OneTimeCodes;

public sealed class TypedCodeTests
{
    [Theory]
    [InlineData("123456")]
    [InlineData(" 123456\n")]
    [InlineData("123 456")]
    [InlineData("123-456")]
    [InlineData("123–456")]
    [InlineData("1 2 3 4 5 6")]
    [InlineData("123\u00A0456")]
    [InlineData("\u200E123456\u200F")]
    [InlineData("１２３４５６")]
    [InlineData("١٢٣٤٥٦")]
    [InlineData("१२३४५६")]
    public void Separators_and_non_ASCII_digits_are_normalized(string typed) => TypedCode.Normalize(typed, 6).ShouldBe("123456");

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("12345")]
    [InlineData("1234567")]
    [InlineData("12345a")]
    [InlineData("12345½")]
    [InlineData("12345²")]
    [InlineData("12345\0")]
    [InlineData("+12345")]
    [InlineData("123.456")]
    [InlineData("𝟏𝟐𝟑𝟒𝟓𝟔")]
    public void Returns_null_for_malformed_codes(string? typed) => TypedCode.Normalize(typed, 6).ShouldBeNull();

    [Fact]
    public void Returns_null_for_oversized_input()
    {
        TypedCode.Normalize(new string(' ', 34) + "123456", 6).ShouldBe("123456", "four characters a digit and 16 more");
        TypedCode.Normalize(new string(' ', 35) + "123456", 6).ShouldBeNull();
        TypedCode.Normalize(new string('1', 1000), 6).ShouldBeNull();
        TypedCode.Normalize(new string(' ', 1_000_000) + "123456", 6).ShouldBeNull();
    }
}
