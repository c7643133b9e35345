namespace OtpPortal.Histories.Running;

/// <summary>A fault that the nemesis can cause.</summary>
/// <param name="Begin">Causes the fault.</param>
/// <param name="End">Ends the fault and waits until the target responds.</param>
public sealed record FaultAction(string Name, string Target, Func<Task> Begin, Func<Task> End);
