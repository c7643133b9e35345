using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using OtpPortal.Settings;
using OtpPortal.Storage;

namespace OtpPortal;

/// <summary>Tells why the portal does not start, when it is something that a setting can put right.</summary>
internal static class StartProblem
{
    /// <summary>One line a problem, or null when it is a fault of the program.</summary>
    public static string? Describe(Exception exception) => exception switch
    {
        SettingsException settings => "OTP Portal does not start:\n  " + string.Join("\n  ", settings.Complaints),
        EmbeddedStoreException store => "OTP Portal does not start:\n  " + store.Message,
        IOException { InnerException: AddressInUseException } => "OTP Portal does not start:\n  PORT: another program is using this port; stop it, or set PORT to a free one.",
        SocketException { SocketErrorCode: SocketError.AddressNotAvailable } => "OTP Portal does not start:\n  BIND_ADDRESS is no address of this machine.",
        SocketException { SocketErrorCode: SocketError.AccessDenied } => "OTP Portal does not start:\n  PORT: this user may not listen on this port; set PORT to one of 1024 or more.",
        _ => exception.InnerException is { } inner ? Describe(inner) : null,
    };
}
