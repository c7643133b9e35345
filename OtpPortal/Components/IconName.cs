namespace OtpPortal.Components;

/// <summary>The icons that <see cref="PortalIcon"/> draws.</summary>
public enum IconName
{
    Mail,
    Phone,
    Desktop,
    Terminal,
    Check,
    Clock,
    Lock,
    Key,
    Shield,
    Search,
    Alert,
    Link,
    Plug,
    External,
    Menu,
    Chart,
    User,
    Robot,
    List,
    Pulse,
    SignOut,
    Copy,
}
