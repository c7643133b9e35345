namespace OtpPortal.Components;

/// <summary>The styles of a <see cref="PortalButton"/>.</summary>
public enum ButtonLook
{
    /// <summary>The primary action of a page, with the full width of its card.</summary>
    Main,

    /// <summary>Another action of a page, with the full width of its card.</summary>
    Secondary,
    Filled,
    Outlined,
    Text,
    Small,
    Danger,
    DangerFilled,
    DangerSmall,
    DangerSmallFilled,
    DangerSmallText,
}
