using OtpPortal.Delivery.Sms;

namespace OtpPortal.Tests.Delivery.Sms;

/// <summary>Checks <c>numbering-plan.txt</c> for consistency and against the ITU list and libphonenumber.</summary>
public sealed class NumberingPlanTests
{
    // Calling codes of countries and territories in the ITU-T E.164 list. Codes 1 and 7 have several each.
    private const string ItuCountryCodes = """
        1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66
        81 82 84 86 90 91 92 93 94 95 98
        211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246
        247 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299
        350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 389 420 421 423
        500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599
        670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692
        850 852 853 855 856 880 886 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 992 993 994 995 996 998
        """;

    // Regions that share the mobile numbers of a larger region and are counted as that region.
    private static readonly Dictionary<string, string> s_countedAs = new(StringComparer.Ordinal)
    {
        ["AX"] = "FI",
        ["BL"] = "GP",
        ["CC"] = "AU",
        ["CX"] = "AU",
        ["EH"] = "MA",
        ["MF"] = "GP",
        ["SJ"] = "NO",
        ["TA"] = "SH",
        ["VA"] = "IT",
    };

    private static readonly NumberingPlanFile s_file = NumberingPlanFile.ReadEmbedded();

    /// <summary>Region, calling code, and a mobile number of the region.</summary>
    public static TheoryData<string, string, string> Libphonenumber
    {
        get
        {
            var folder = Path.Combine(Infrastructure.RepositoryRoot.Path, "OtpPortal.Tests", "Delivery", "Sms");
            var data = new TheoryData<string, string, string>();
            foreach (var line in File.ReadLines(Path.Combine(folder, "libphonenumber.txt")).Where(line => line[0] != '#'))
            {
                var words = line.Split(' ');
                data.Add(words[0], words[1], words[2]);
            }
            return data;
        }
    }

    [Fact]
    public void Regions_and_prefixes_are_unique()
    {
        s_file.Regions.Select(region => region.Plan.Code).ShouldBeUnique();
        s_file.Regions.SelectMany(region => region.Prefixes).ShouldBeUnique();
        s_file.Expensive.ShouldBeUnique();
        s_file.Fictional.ShouldBeUnique();
        s_file.Regions.Where(region => region.Prefixes.Count == 0).Select(region => region.Plan.CallingCode).ShouldBeUnique();
    }

    [Fact]
    public void A_region_has_the_number_format_of_its_calling_code()
    {
        foreach (var region in s_file.Regions)
        {
            (NumberingPlan.OfNumber(region.Plan.CallingCode + "0")! with { Code = region.Plan.Code }).ShouldBe(region.Plan);
        }
    }

    [Fact]
    public void Every_prefix_has_a_known_calling_code_and_a_valid_length()
    {
        foreach (var prefix in s_file.Regions.SelectMany(region => region.Prefixes).Concat(s_file.Expensive).Concat(s_file.Fictional))
        {
            NumberingPlan.OfNumber(prefix + "0").ShouldNotBeNull(prefix);
            prefix.Length.ShouldBeInRange(2, NumberingPlan.MaxPrefix, prefix);
        }
    }

    [Fact]
    public void No_calling_code_is_a_prefix_of_another()
    {
        var codes = s_file.Regions.Select(region => region.Plan.CallingCode).Distinct().ToList();

        codes.Where(code => codes.Exists(other => other != code && code.StartsWith(other, StringComparison.Ordinal))).ShouldBeEmpty();
    }

    [Fact]
    public void The_calling_codes_match_the_ITU_list() =>
        s_file.Regions.Select(region => region.Plan.CallingCode).Distinct().Order(StringComparer.Ordinal)
            .ShouldBe(ItuCountryCodes.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Libphonenumber))]
    public void Parses_numbers_in_the_same_way_as_libphonenumber(string region, string callingCode, string mobile)
    {
        var counted = s_countedAs.GetValueOrDefault(region, region);

        NumberingPlan.Of(counted).ShouldNotBeNull().CallingCode.ShouldBe(callingCode);
        if (mobile == "-") return;
        PhoneNumber.TryParse(mobile, null, allowFictional: true, out var number).ShouldBeTrue();
        (number!.Value, number.Country).ShouldBe((mobile, counted));
    }

    [Fact]
    public void Every_region_exists_in_libphonenumber() =>
        s_file.Regions.Select(region => region.Plan.Code).Except(Libphonenumber.Select(row => (string)row[0])).ShouldBeEmpty();

    [Theory]
    [InlineData("DE 49 7-11 0")]
    [InlineData("[regions]\nDE 49 7-11")]
    [InlineData("[regions]\nDEU 49 7-11 0")]
    [InlineData("[regions]\nde 49 7-11 0")]
    [InlineData("[regions]\nDE +49 7-11 0")]
    [InlineData("[regions]\nDE 49 11-7 0")]
    [InlineData("[regions]\nDE 49 7 0")]
    [InlineData("[regions]\nDE 49 7-15 0")]
    [InlineData("[regions]\nDE 49 7-11 x")]
    [InlineData("[regions]\nAX 358 6-11 0 4918")]
    [InlineData("[regions]\nAX 358 6-11 0 358")]
    [InlineData("[expensive]\n49x00")]
    [InlineData("[other]\n49900")]
    public void A_malformed_line_is_reported_with_its_number(string text) =>
        Should.Throw<FormatException>(() => NumberingPlanFile.Parse(text)).Message
            .ShouldStartWith($"Line {text.Count(c => c == '\n') + 1} of the numbering plan is malformed: ");

    [Fact]
    public void Parses_comments_and_continuation_lines()
    {
        var file = NumberingPlanFile.Parse(
            "# plan\r\n[regions] # all\r\nAX 358 6-11 0 35818\r\n    35819 # more\r\n\r\n[expensive]\r\n358600\r\n 358700\r\n");

        file.Regions.ShouldHaveSingleItem().Prefixes.ShouldBe(["35818", "35819"]);
        file.Expensive.ShouldBe(["358600", "358700"]);
    }
}
