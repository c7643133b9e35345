using System.Text;
using FsCheck;
using FsCheck.Fluent;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Tests.Delivery.Sms;

/// <summary>Parsing and normalization of phone numbers.</summary>
public sealed class PhoneNumberTests
{
    private static PhoneNumber? Parse(string? text, string? home = null, bool fictional = false) =>
        PhoneNumber.TryParse(text, home, fictional, out var number) ? number : null;

    [Theory]
    [InlineData("+49 171 1234567", null, "+491711234567", "DE")]
    [InlineData("+49 (0)171 / 123-45.67", null, "+491711234567", "DE")]
    [InlineData("+490171 1234567", null, "+491711234567", "DE")]
    [InlineData("0049 171 1234567", null, "+491711234567", "DE")]
    [InlineData("0171 1234567", "DE", "+491711234567", "DE")]
    [InlineData("171 1234567", "DE", "+491711234567", "DE")]
    [InlineData("491711234567", "DE", "+491711234567", "DE")]
    [InlineData("\u200E+49\u00A0171\u20111234567", null, "+491711234567", "DE")]
    [InlineData("+٤٩١٧١١٢٣٤٥٦٧", null, "+491711234567", "DE")]
    [InlineData("＋４９ １７１ １２３４５６７", null, "+491711234567", "DE")]
    [InlineData("0664 1234567", "AT", "+436641234567", "AT")]
    [InlineData("079 123 45 67", "CH", "+41791234567", "CH")]
    [InlineData("06 12 34 56 78", "FR", "+33612345678", "FR")]
    [InlineData("612 34 56 78", "ES", "+34612345678", "ES")]
    [InlineData("+39 06 1234 5678", null, "+390612345678", "IT")]
    [InlineData("+39 347 123 4567", null, "+393471234567", "IT")]
    [InlineData("06 30 123 4567", "HU", "+36301234567", "HU")]
    [InlineData("8 912 345-67-89", "RU", "+79123456789", "RU")]
    [InlineData("+7 701 234 5678", null, "+77012345678", "KZ")]
    [InlineData("8 029 123-45-67", "BY", "+375291234567", "BY")]
    [InlineData("(212) 867-5309", "US", "+12128675309", "US")]
    [InlineData("1-212-867-5309", "US", "+12128675309", "US")]
    [InlineData("011 49 171 1234567", "US", "+491711234567", "DE")]
    [InlineData("+1 416 867 5309", null, "+14168675309", "CA")]
    [InlineData("416 867 5309", "CA", "+14168675309", "CA")]
    [InlineData("+1 876 567 5309", null, "+18765675309", "JM")]
    [InlineData("+1 809 867 5309", null, "+18098675309", "DO")]
    [InlineData("+52 1 55 1234 5678", null, "+525512345678", "MX")]
    [InlineData("+86 138 0013 8000", null, "+8613800138000", "CN")]
    [InlineData("+91 98765 43210", null, "+919876543210", "IN")]
    [InlineData("07400 123456", "GB", "+447400123456", "GB")]
    [InlineData("+44 7624 123456", null, "+447624123456", "IM")]
    [InlineData("+44 7781 123456", null, "+447781123456", "GG")]
    [InlineData("+44 7797 123456", null, "+447797123456", "JE")]
    [InlineData("+358 18 12345", null, "+3581812345", "AX")]
    [InlineData("+599 9 512 3456", null, "+59995123456", "CW")]
    [InlineData("+383 44 123 456", null, "+38344123456", "XK")]
    [InlineData("+225 01 23 45 67 89", null, "+2250123456789", "CI")]
    public void Normalizes_a_number_and_finds_its_country(string typed, string? home, string value, string country)
    {
        var number = Parse(typed, home);

        (number?.Value, number?.Country).ShouldBe((value, country));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("+")]
    [InlineData("+49")]
    [InlineData("171 1234567")]
    [InlineData("ann@example.com")]
    [InlineData("+49 171 CALL-ME")]
    [InlineData("+49 171 1234567 ext. 5")]
    [InlineData("+49 171 1234567,+49 171 7654321")]
    [InlineData("++491711234567")]
    [InlineData("+49+1711234567")]
    [InlineData("+49171\n1234567")]
    [InlineData("+49 171 12345678901")]
    [InlineData("+4912345678901234")]
    [InlineData("+49 12345")]
    [InlineData("+33 6 12 34 56")]
    [InlineData("+49 00171 1234567")]
    [InlineData("+1 112 867 5309")]
    [InlineData("+1 211 867 5309")]
    [InlineData("+1 291 867 5309")]
    [InlineData("+1 212 167 5309")]
    [InlineData("+999 1234567")]
    [InlineData("+210 1234567")]
    public void Refuses_invalid_numbers(string? typed) => Parse(typed).ShouldBeNull();

    [Theory]
    [InlineData("+1 900 867 5309")]
    [InlineData("+1 800 867 5309")]
    [InlineData("+44 9012 345678")]
    [InlineData("+44 870 123 4567")]
    [InlineData("+44 70 1234 5678")]
    [InlineData("+49 900 1 234567")]
    [InlineData("+49 137 1234567")]
    [InlineData("+33 8 99 12 34 56")]
    [InlineData("+39 899 123 456")]
    [InlineData("+41 900 123 456")]
    [InlineData("+61 1900 123 456")]
    [InlineData("+870 773 123 456")]
    [InlineData("+881 612 345 678")]
    [InlineData("+882 16 1234 5678")]
    [InlineData("+883 5100 1234 5678")]
    [InlineData("+979 1 2345 6789")]
    [InlineData("+800 1234 5678")]
    public void Refuses_premium_rate_and_other_special_numbers(string typed) => Parse(typed).ShouldBeNull();

    [Theory]
    [InlineData("+1 212 555 0123", "US")]
    [InlineData("+44 7700 900123", "GB")]
    [InlineData("+44 20 7946 0123", "GB")]
    public void Fictional_numbers_are_accepted_only_when_allowed(string typed, string country)
    {
        Parse(typed).ShouldBeNull();
        Parse(typed, fictional: true).ShouldNotBeNull().Country.ShouldBe(country);
    }

    [Fact]
    public void ToString_masks_the_number()
    {
        var number = Parse("+49 171 1234567")!;

        number.ToString().ShouldBe("+49…67");
        $"{number}".ShouldNotContain("1234");
        OtpPortal.Http.MaskedAddress.Of(number.Masked).ShouldBe(number.Masked, "masking once more changes nothing");
        OtpPortal.Http.MaskedAddress.Of("+ann@example.com").ShouldBe("+…@example.com");
    }

    [Fact]
    public void A_parsed_number_parses_to_itself() => Check.QuickThrowOnFailure(Prop.ForAll(
        Typed().ToArbitrary(),
        typed => Parse(typed, "DE") is not { } number
            || (Parse(number.Value)?.Value == number.Value && Parse(number.Value, "US")?.Country == number.Country
                && number.Value.Length is >= 6 and <= 16
                && number.Value[0] == '+' && number.Value.Skip(1).All(char.IsAsciiDigit) && PhoneNumber.IsCountry(number.Country))));

    [Fact]
    public void Separators_between_digits_are_ignored() => Check.QuickThrowOnFailure(Prop.ForAll(
        Gen.Zip(Digits(10), Gen.ListOf(Gen.Elements(' ', '-', '.', '/', '\u00A0', '\u2013')).Resize(12)).ToArbitrary(),
        pair =>
        {
            var (digits, between) = pair;
            var typed = new StringBuilder("+49");
            for (var i = 0; i < digits.Length; i++)
            {
                if (i < between.Count) typed.Append(between[i]);
                typed.Append(digits[i]);
            }
            return Parse(typed.ToString())?.Value == Parse("+49" + digits)?.Value;
        }));

    [Fact]
    public void National_and_international_forms_of_a_number_are_equal() => Check.QuickThrowOnFailure(Prop.ForAll(
        Digits(9).ToArbitrary(),
        digits => Parse("01" + digits, "DE")?.Value == Parse("+491" + digits)?.Value
            && Parse("00491" + digits)?.Value == Parse("+49 (0)1" + digits)?.Value));

    [Fact]
    public void Parsing_never_throws() => Check.QuickThrowOnFailure(Prop.ForAll<string>(
        ArbMap.Default.ArbFor<string>(),
        text =>
        {
            _ = Parse(text, "US");
            return true;
        }));

    private static Gen<string> Digits(int count) =>
        Gen.Elements("0123456789".ToCharArray()).ArrayOf(count).Select(digits => new string(digits));

    private static Gen<string> Typed() =>
        Gen.Zip(Gen.Elements("+", "00", "0", "", "+1", "+44", "+7", "+49 (0)"), Gen.Choose(4, 14).SelectMany(Digits))
            .Select(pair => pair.Item1 + pair.Item2);
}
