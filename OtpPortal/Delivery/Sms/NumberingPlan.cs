using System.Collections.Frozen;
using System.Globalization;

namespace OtpPortal.Delivery.Sms;

/// <summary>How the telephone numbers of a country look (ITU-T E.164 and the national numbering plans that the ITU publishes).</summary>
/// <param name="Code">ISO 3166-1 alpha-2.</param>
/// <param name="CallingCode">Without the plus.</param>
/// <param name="Min">Digits behind the calling code, at least.</param>
/// <param name="Max">And at most.</param>
/// <param name="Trunk">What stands before a number dialled within the country, and is left out from abroad; empty when there is nothing.</param>
internal sealed record NumberingPlan(string Code, string CallingCode, int Min, int Max, string Trunk)
{
    // ISO, calling code, digits, trunk prefix. Where countries share a calling code, the first one has what no range below gives to another.
    private const string Table = """
        US 1 10-10 1
        RU 7 10-10 8
        EG 20 8-10 0
        ZA 27 9-9 0
        GR 30 10-10 -
        NL 31 9-9 0
        BE 32 8-9 0
        FR 33 9-9 0
        ES 34 9-9 -
        HU 36 8-9 06
        IT 39 6-11 -
        RO 40 9-9 0
        CH 41 9-9 0
        AT 43 7-13 0
        GB 44 9-10 0
        DK 45 8-8 -
        SE 46 7-9 0
        NO 47 8-8 -
        PL 48 9-9 -
        DE 49 7-11 0
        PE 51 8-9 0
        MX 52 10-10 -
        CU 53 8-8 0
        AR 54 10-11 0
        BR 55 10-11 0
        CL 56 9-9 -
        CO 57 10-10 -
        VE 58 10-10 0
        MY 60 8-10 0
        AU 61 9-9 0
        ID 62 8-12 0
        PH 63 8-10 0
        NZ 64 8-10 0
        SG 65 8-8 -
        TH 66 8-9 0
        JP 81 9-10 0
        KR 82 8-10 0
        VN 84 9-10 0
        CN 86 10-11 0
        TR 90 10-10 0
        IN 91 10-10 0
        PK 92 9-10 0
        AF 93 9-9 0
        LK 94 9-9 0
        MM 95 7-10 0
        IR 98 10-10 0
        SS 211 9-9 0
        MA 212 9-9 0
        DZ 213 8-9 0
        TN 216 8-8 -
        LY 218 9-9 0
        GM 220 7-7 -
        SN 221 9-9 -
        MR 222 8-8 -
        ML 223 8-8 -
        GN 224 9-9 -
        CI 225 10-10 -
        BF 226 8-8 -
        NE 227 8-8 -
        TG 228 8-8 -
        BJ 229 8-10 -
        MU 230 7-8 -
        LR 231 7-9 0
        SL 232 8-8 0
        GH 233 9-9 0
        NG 234 8-10 0
        TD 235 8-8 -
        CF 236 8-8 -
        CM 237 9-9 -
        CV 238 7-7 -
        ST 239 7-7 -
        GQ 240 9-9 -
        GA 241 7-8 -
        CG 242 9-9 -
        CD 243 9-9 0
        AO 244 9-9 -
        GW 245 7-9 -
        IO 246 7-7 -
        AC 247 5-6 -
        SC 248 7-7 -
        SD 249 9-9 0
        RW 250 9-9 0
        ET 251 9-9 0
        SO 252 7-9 0
        DJ 253 8-8 -
        KE 254 9-9 0
        TZ 255 9-9 0
        UG 256 9-9 0
        BI 257 8-8 -
        MZ 258 8-9 -
        ZM 260 9-9 0
        MG 261 9-9 0
        RE 262 9-9 0
        ZW 263 8-10 0
        NA 264 8-9 0
        MW 265 7-9 0
        LS 266 8-8 -
        BW 267 7-8 -
        SZ 268 8-8 -
        KM 269 7-7 -
        SH 290 5-5 -
        ER 291 7-7 0
        AW 297 7-7 -
        FO 298 6-6 -
        GL 299 6-6 -
        GI 350 8-8 -
        PT 351 9-9 -
        LU 352 5-11 -
        IE 353 8-9 0
        IS 354 7-9 -
        AL 355 8-9 0
        MT 356 8-8 -
        CY 357 8-8 -
        FI 358 6-11 0
        BG 359 8-9 0
        LT 370 8-8 0
        LV 371 8-8 -
        EE 372 7-8 -
        MD 373 8-8 0
        AM 374 8-8 0
        BY 375 9-9 80
        AD 376 6-9 -
        MC 377 8-9 0
        SM 378 6-10 -
        UA 380 9-9 0
        RS 381 8-10 0
        ME 382 8-9 0
        XK 383 8-9 0
        HR 385 8-9 0
        SI 386 8-8 0
        BA 387 8-9 0
        MK 389 8-8 0
        CZ 420 9-9 -
        SK 421 9-9 0
        LI 423 7-9 -
        FK 500 5-5 -
        BZ 501 7-7 -
        GT 502 8-8 -
        SV 503 8-8 -
        HN 504 8-8 -
        NI 505 8-8 -
        CR 506 8-8 -
        PA 507 7-8 -
        PM 508 6-9 0
        HT 509 8-8 -
        GP 590 9-9 0
        BO 591 8-8 0
        GY 592 7-7 -
        EC 593 8-9 0
        GF 594 9-9 0
        PY 595 9-9 0
        MQ 596 9-9 0
        SR 597 6-7 -
        UY 598 8-8 0
        BQ 599 7-8 -
        TL 670 7-8 -
        NF 672 5-6 -
        BN 673 7-7 -
        NR 674 7-7 -
        PG 675 7-8 -
        TO 676 5-7 -
        SB 677 5-7 -
        VU 678 5-7 -
        FJ 679 7-7 -
        PW 680 7-7 -
        WF 681 6-6 -
        CK 682 5-5 -
        NU 683 4-7 -
        WS 685 5-7 -
        KI 686 8-8 -
        NC 687 6-6 -
        TV 688 5-7 -
        PF 689 8-8 -
        TK 690 4-7 -
        FM 691 7-7 -
        MH 692 7-7 -
        KP 850 8-10 0
        HK 852 8-8 -
        MO 853 8-8 -
        KH 855 8-9 0
        LA 856 8-10 0
        BD 880 8-10 0
        TW 886 8-9 0
        MV 960 7-7 -
        LB 961 7-8 0
        JO 962 8-9 0
        SY 963 8-9 0
        IQ 964 8-10 0
        KW 965 8-8 -
        SA 966 9-9 0
        YE 967 7-9 0
        OM 968 8-8 -
        PS 970 8-9 0
        AE 971 8-9 0
        IL 972 8-9 0
        BH 973 8-8 -
        QA 974 8-8 -
        BT 975 7-8 -
        MN 976 8-8 0
        NP 977 8-10 0
        TJ 992 9-9 -
        TM 993 8-8 8
        AZ 994 9-9 0
        GE 995 9-9 0
        KG 996 9-9 0
        UZ 998 9-9 -
        """;

    // Countries within another one's calling code, by how their numbers begin, calling code included.
    private const string Shared = """
        CA 1204 1226 1236 1249 1250 1257 1263 1289 1306 1343 1354 1365 1367 1368 1382 1387 1403 1416 1418 1428 1431 1437 1438 1450 1460 1468 1474 1506 1514 1519 1537 1548 1579 1581 1584 1587 1604 1613 1639 1647 1672 1683 1705 1709 1742 1753 1778 1780 1782 1807 1819 1825 1851 1867 1873 1879 1902 1905 1942
        BS 1242
        BB 1246
        AI 1264
        AG 1268
        VG 1284
        VI 1340
        KY 1345
        BM 1441
        GD 1473
        TC 1649
        JM 1658 1876
        MS 1664
        MP 1670
        GU 1671
        AS 1684
        SX 1721
        LC 1758
        DM 1767
        VC 1784
        PR 1787 1939
        DO 1809 1829 1849
        TT 1868
        KN 1869
        KZ 76 77
        VA 3906698
        GG 441481 447781 447839 4479111 4479117
        JE 441534 447509 447797 447829 447937 4477003 4477007 4477008
        IM 441624 4474576 447524 447624 447924
        SJ 4779
        CX 6189164
        CC 6189162
        EH 2125288 2125289
        YT 262269 262639
        AX 35818
        CW 5999
        """;

    // Numbers that cost the caller extra or pay whoever is called, and those that no telephone with SMS has: premium rates, services, freephone.
    private const string Expensive = """
        1900 1800 1833 1844 1855 1866 1877 1888 1456 1500 1700
        7800 7803 7809
        27862 30901 30909 31900 31906 31909 32900 32901 32902 32903 32904 32905 32906 32907 32908 32909
        338 34803 34806 34807 34905 34907 34908 34909 3690 39199 39892 39894 39895 39899 40900 40903 40906
        41900 41901 41906 43900 43901 43930 43931 43939 443 448 449 4470 4590 46900 46939 46944 47820 47829 4870
        49115 49137 49138 49180 49190 49900 61190 64900 81990 90900 91186
        35160 35176 353150 353151 353152 353153 353154 353155 353156 353157 353158 353159 358600 358700 35990
        372900 38560 38690 42090 421900 97219
        """;

    // Numbers for films and examples, which nobody has: Ofcom's drama numbers and 555-01xx of the North American plan.
    private const string Fictional = "447700900 441134960 441144960 441154960 441164960 441174960 441184960 441214960 441314960 441414960 441514960 441614960 442079460 441914980";

    private static readonly FrozenDictionary<string, NumberingPlan> s_byCallingCode = Read();
    private static readonly FrozenDictionary<string, string> s_shared = Lines(Shared).SelectMany(words => words[1..].Select(prefix => (prefix, words[0]))).ToFrozenDictionary(pair => pair.prefix, pair => pair.Item2, StringComparer.Ordinal);
    private static readonly FrozenSet<string> s_expensive = Lines(Expensive).SelectMany(words => words).ToFrozenSet(StringComparer.Ordinal);
    private static readonly FrozenSet<string> s_fictional = Lines(Fictional).SelectMany(words => words).ToFrozenSet(StringComparer.Ordinal);
    private static readonly FrozenDictionary<string, NumberingPlan> s_byCountry = ByCountry();

    /// <summary>ISO codes of all countries that have numbers.</summary>
    public static IReadOnlyCollection<string> Countries => s_byCountry.Keys;

    /// <summary>The plan that a country's numbers follow; null for a code that is none.</summary>
    public static NumberingPlan? Of(string country) => s_byCountry.GetValueOrDefault(country);

    /// <summary>The plan of a number that begins with its calling code; null when no country has such a code.</summary>
    /// <remarks>Satellite telephones (870, 881), international networks (882, 883) and freephone (800) are no countries: they are the dearest there are.</remarks>
    public static NumberingPlan? OfNumber(string digits)
    {
        for (var length = 1; length <= 3 && length < digits.Length; length++)
        {
            if (s_byCallingCode.TryGetValue(digits[..length], out var plan)) return plan;
        }
        return null;
    }

    /// <summary>The country that a whole number belongs to.</summary>
    public string CountryOf(string digits) => Longest(s_shared.ContainsKey, digits) is { } prefix ? s_shared[prefix] : Code;

    public static bool IsExpensive(string digits) => Longest(s_expensive.Contains, digits) is not null;

    public static bool IsFictional(string digits) =>
        Longest(s_fictional.Contains, digits) is not null
        || (digits.Length == 11 && digits[0] == '1' && digits[4..].StartsWith("55501", StringComparison.Ordinal));

    private static string? Longest(Func<string, bool> known, string digits)
    {
        for (var length = Math.Min(9, digits.Length); length > 1; length--)
        {
            if (known(digits[..length])) return digits[..length];
        }
        return null;
    }

    private static FrozenDictionary<string, NumberingPlan> Read() => Lines(Table).Select(words =>
    {
        var lengths = words[2].Split('-');
        return new NumberingPlan(
            words[0], words[1], int.Parse(lengths[0], CultureInfo.InvariantCulture), int.Parse(lengths[1], CultureInfo.InvariantCulture), words[3] == "-" ? "" : words[3]);
    }).ToFrozenDictionary(plan => plan.CallingCode, StringComparer.Ordinal);

    private static FrozenDictionary<string, NumberingPlan> ByCountry()
    {
        var plans = s_byCallingCode.Values.ToDictionary(plan => plan.Code, StringComparer.Ordinal);
        foreach (var (prefix, country) in s_shared)
        {
            var main = OfNumber(prefix + "0")!;
            plans[country] = main with { Code = country };
        }
        return plans.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static IEnumerable<string[]> Lines(string text) =>
        text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' '));
}
