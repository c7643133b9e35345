namespace OtpPortal.Delivery;

/// <summary>Words of others for the head of a mail, where some characters are more than text.</summary>
internal static class HeaderText
{
    /// <summary>
    /// Without what looks like an encoded word (RFC 2047): the framework and the reader's program would decode it, and there may be anything in it, line
    /// ends too.
    /// </summary>
    public static string Subject(string text) => text.Replace("=?", "= ?", StringComparison.Ordinal);

    /// <summary>A name as it may stand in a quoted string (RFC 5322, 3.2.4), without what could end it: a name must not bring another recipient along.</summary>
    public static string Name(string name) => Subject(name).Replace("\"", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal);
}
