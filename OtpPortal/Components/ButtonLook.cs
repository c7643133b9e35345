namespace OtpPortal.Components;

/// <summary>The looks of a <see cref="PortalButton"/>.</summary>
public enum ButtonLook
{
    /// <summary>The one main action of a page, as wide as its card.</summary>
    Main,
    Filled,
    Outlined,
    Text,
    Quiet,
    Cancel,
    Danger,
    DangerFilled,
    DangerSmall,
    DangerSmallFilled,
    DangerSmallText,
}
