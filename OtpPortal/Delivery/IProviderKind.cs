using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>
/// A kind of provider. Its folder contains its settings, its requests and the interpretation of its responses.
/// <see cref="DeliveryServices.Kinds"/> lists all kinds.
/// </summary>
internal interface IProviderKind
{
    /// <summary>Gets the names of its providers, whether or not they are configured. Webhooks may not use them.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Reads and validates its settings, and returns the configured providers.</summary>
    IReadOnlyList<ProviderSetup> Read(SettingsReader reader);
}

/// <summary>A kind of provider that MAIL_TRANSPORT and MAIL_FALLBACK may name. It has exactly one provider.</summary>
internal interface IMailKind : IProviderKind
{
    /// <summary>Gets the setting that enables it.</summary>
    string RequiredSetting { get; }
}

/// <summary>A configured provider.</summary>
/// <param name="TakesSms">Whether SMS_PROVIDERS may name it.</param>
/// <param name="Build">Creates the provider. Called once.</param>
internal sealed record ProviderSetup(string Name, bool TakesSms, Func<IServiceProvider, Provider> Build);
