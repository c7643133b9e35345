using OtpPortal.Histories.Running;

namespace OtpPortal.Histories.Stores;

/// <summary>The store inside the portal. Only one portal can use it.</summary>
internal sealed class EmbeddedKind : StoreKind
{
    public override int Replicas => 1;

    public override IReadOnlyList<FaultAction> Faults => [];

    public override Task StartAsync() => Task.CompletedTask;

    public override (string Otp, string Auth) UrlsOf(int replica) => ("", "");

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
