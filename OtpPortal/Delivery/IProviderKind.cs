using OtpPortal.Configuration;

namespace OtpPortal.Delivery;

/// <summary>
/// A kind of provider. Its folder holds its settings, its requests and what the answers mean. <see cref="DeliveryServices.Kinds"/> lists
/// all kinds.
/// </summary>
internal interface IProviderKind
{
    /// <summary>Gets the names of its providers, whether they are set up or not. No webhook may have one of them.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Reads and checks its settings, and returns the providers that are set up.</summary>
    IReadOnlyList<ProviderSetup> Read(SettingsReader reader);
}

/// <summary>A kind that MAIL_TRANSPORT and MAIL_FALLBACK may name. It has one provider.</summary>
internal interface IMailKind : IProviderKind
{
    /// <summary>Gets the setting that switches it on.</summary>
    string RequiredSetting { get; }
}

/// <summary>A provider that is set up.</summary>
/// <param name="TakesSms">SMS_PROVIDERS may name it.</param>
/// <param name="Build">Creates it, once.</param>
internal sealed record ProviderSetup(string Name, bool TakesSms, Func<IServiceProvider, Provider> Build);
