using OtpPortal.Admin;
using OtpPortal.ApiDocs;
using OtpPortal.Components;
using OtpPortal.Delivery;
using OtpPortal.Gateway;
using OtpPortal.JOtp;
using OtpPortal.Auditing;
using OtpPortal.Jwt;
using OtpPortal.Components.Localization;
using OtpPortal.Limits;
using OtpPortal.MagicLinks;
using OtpPortal.Configuration;
using OtpPortal.SignIn;
using OtpPortal.Storage;
using OtpPortal.Sessions;
using OtpPortal.Http;

namespace OtpPortal;

/// <summary>The portal, put together.</summary>
public static class PortalApp
{
    /// <summary>Builds the portal; <paramref name="configure"/> may replace what is outside of it (clock, providers) in tests.</summary>
    public static WebApplication Build(string[] args, PortalConfiguration configuration, Action<WebApplicationBuilder>? configure = null)
    {
        var portal = configuration.Portal;
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions
        {
            Args = args,
            ApplicationName = typeof(PortalApp).Assembly.GetName().Name,
            EnvironmentName = portal.IsProduction ? Environments.Production : Environments.Development,
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.AddHosting(configuration);
        builder.AddWeb(configuration);
        builder.AddStorage(configuration);
        builder.AddJournal();
        builder.AddLimits(configuration);
        builder.AddDelivery(configuration);
        builder.AddTokens(configuration);
        builder.AddSignIn(configuration);
        builder.AddGateway(configuration);
        builder.AddJOtp(configuration);
        builder.AddJwts(configuration);
        builder.AddMagicLinks(configuration);
        builder.AddAdmin(configuration);
        builder.AddApiDocs(configuration);
        builder.AddLanguages();
        builder.AddPages();
        configure?.Invoke(builder);

        var app = builder.Build();
        // Opened now, so that a data folder that cannot be used stops the start.
        _ = app.Services.GetRequiredService<Stores>();
        Drain.RefuseCircuits(app);
        app.UseForwardedAddresses(portal);
        app.UseRequestHost(portal);
        app.UseSecurityHeaders(portal);
        app.UseHostedPageFrames();
        app.UseRequestLocalization();
        app.UsePageErrors(portal);
        CircuitLimits.Use(app);
        app.UseRequestCharset();
        app.UseStoreRetry();
        app.UseRouting();
        app.UseSameSiteCheck(portal);
        app.UseStoreGuard();
        app.UseAntiforgery();

        app.MapHealth();
        app.MapTokens();
        app.MapSignIn();
        app.MapGateway();
        app.MapJOtp();
        app.MapJwts();
        app.MapMagicLinks();
        app.MapAdmin();
        app.MapApiDocs();
        app.MapMailbox(configuration.Mail);
        app.MapLanguages(portal);
        app.MapPages();
        return app;
    }
}
