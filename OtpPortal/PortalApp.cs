using OtpPortal.Admin;
using OtpPortal.ApiDocs;
using OtpPortal.Auditing;
using OtpPortal.Components;
using OtpPortal.Components.Localization;
using OtpPortal.Configuration;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.Http;
using OtpPortal.JOtp;
using OtpPortal.Jwt;
using OtpPortal.Limits;
using OtpPortal.MagicLinks;
using OtpPortal.OneTimeCodes;
using OtpPortal.Sessions;
using OtpPortal.SignIn;
using OtpPortal.Storage;

namespace OtpPortal;

/// <summary>The composition root: the only place that references every module.</summary>
public static class PortalApp
{
    /// <summary>Creates a builder with the configuration sources.</summary>
    /// <exception cref="SettingsException">A source cannot be read.</exception>
    public static WebApplicationBuilder CreateBuilder(string[] args)
    {
        var builder = PortalSources.CreateBuilder(PortalSources.EnvironmentName(args), PortalSources.RootFolder());
        builder.Configuration.AddPortalSources(args, builder.Environment.IsDevelopment());
        return builder;
    }

    /// <summary>
    /// Builds the portal. Tests use <paramref name="configure"/> to replace external dependencies (clock, providers).
    /// </summary>
    /// <exception cref="SettingsException">A setting is invalid.</exception>
    public static WebApplication Build(WebApplicationBuilder builder, Action<WebApplicationBuilder>? configure = null)
    {
        AddFeatures(builder);
        configure?.Invoke(builder);
        PortCheck.EnsureAvailable(builder.GetSettings<PortalSettings>(), builder.GetSettings<TelemetrySettings>());

        var app = builder.Build();
        // Opened here, so that an unusable data directory prevents startup.
        _ = app.Services.GetRequiredService<Stores>();
        var portal = app.Services.GetRequiredService<PortalSettings>();
        app.UseForwardedAddresses(portal);
        app.UseNoSniff();
        app.UseMetricsPort();
        // /check-auth, /forward-auth and the health endpoints end here; the rest is for pages, forms and APIs.
        app.UseRouting();
        app.UseRequestHost(portal);
        app.UseSecurityHeaders(portal);
        Drain.RefuseCircuits(app);
        app.UseHostedPageFrames();
        app.UseRequestLocalization();
        app.UsePageErrors(portal);
        CircuitLimits.Use(app);
        app.UseRequestCharset();
        app.UseStoreRetry();
        // Error pages run the pipeline again, so they need routing again.
        app.UseRouting();
        app.UseSameSiteCheck(portal);
        app.UseStoreGuard();
        app.UseAuthentication();
        app.UseAuthorization();
        app.UseAntiforgery();

        app.MapHealth(OperatorKeyHandler.SchemeName);
        app.MapSessions();
        app.MapSignIn();
        app.MapGateway();
        app.MapJOtp();
        app.MapJwts();
        app.MapMagicLinks();
        app.MapAdmin();
        app.MapApiDocs();
        app.MapMailbox();
        app.MapLanguages(portal);
        app.MapPages();
        return app;
    }

    /// <summary>Registers every module.</summary>
    /// <exception cref="SettingsException">Lists all invalid settings.</exception>
    internal static void AddFeatures(WebApplicationBuilder builder)
    {
        builder.AddHosting();
        builder.AddPortalHttp();
        builder.AddStorage();
        builder.AddAuditing();
        builder.AddOneTimeCodes();
        builder.AddLimits();
        builder.AddDelivery();
        builder.AddSessions();
        builder.AddSignIn();
        builder.AddGateway();
        builder.AddJOtp();
        builder.AddJwts();
        builder.AddMagicLinks();
        builder.AddAdmin();
        builder.AddApiDocs();
        builder.AddLanguages();
        builder.AddPages();
        builder.Services.AddHostedService<StartupMessage>();
        builder.ThrowIfSettingsAreInvalid();
    }
}
