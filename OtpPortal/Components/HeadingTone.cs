namespace OtpPortal.Components;

/// <summary>What the icon of a <see cref="PageHeading"/> expresses by its color.</summary>
public enum HeadingTone
{
    Neutral,
    Good,
    Warn,
}
