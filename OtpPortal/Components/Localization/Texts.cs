namespace OtpPortal.Components.Localization;

/// <summary>The texts of pages and messages: <c>Texts.resx</c> and its translations.</summary>
public sealed class Texts;
