namespace OtpPortal.Histories.Running;

/// <summary>A fault that the nemesis can cause.</summary>
/// <param name="OfStore">Whether the target is a node of the store.</param>
/// <param name="Begin">Causes the fault.</param>
/// <param name="End">Ends the fault and waits until the target responds.</param>
public sealed record FaultAction(string Name, string Target, bool OfStore, Func<Task> Begin, Func<Task> End);
