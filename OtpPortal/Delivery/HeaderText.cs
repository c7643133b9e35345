namespace OtpPortal.Delivery;

/// <summary>Sanitizes untrusted text for mail headers.</summary>
internal static class HeaderText
{
    /// <summary>
    /// Breaks up anything that looks like an encoded word (RFC 2047), which .NET and mail clients would decode, line breaks
    /// included.
    /// </summary>
    public static string Subject(string text) => text.Replace("=?", "= ?", StringComparison.Ordinal);

    /// <summary>
    /// Removes characters from a name that could end its quoted string (RFC 5322, 3.2.4) and add another recipient.
    /// </summary>
    public static string Name(string name) =>
        Subject(name).Replace("\"", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal);
}
