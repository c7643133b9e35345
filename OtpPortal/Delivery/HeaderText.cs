namespace OtpPortal.Delivery;

/// <summary>Makes text from outside safe for the headers of a mail.</summary>
internal static class HeaderText
{
    /// <summary>
    /// Breaks up what looks like an encoded word (RFC 2047). The framework and mail programs would decode it, line ends included.
    /// </summary>
    public static string Subject(string text) => text.Replace("=?", "= ?", StringComparison.Ordinal);

    /// <summary>Removes from a name what could end its quoted string (RFC 5322, 3.2.4) and add another recipient.</summary>
    public static string Name(string name) =>
        Subject(name).Replace("\"", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal);
}
