using Bunit;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.SignIn;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the interactive <c>AddressForm</c> component.</summary>
public sealed class AddressFormTests : IDisposable
{
    private readonly BunitContext _page = new();

    public AddressFormTests()
    {
        _page.Services.AddLogging().AddLocalization();
        // JSInterop is strict: a call that is not set up fails the test.
        _page.JSInterop.SetupVoid("otpPortal.ready").SetVoidResult();
        _page.JSInterop.SetupVoid("otpPortal.focus", "email").SetVoidResult();
        _page.JSInterop.SetupVoid("otpPortal.post", call => call.Arguments.Count == 1).SetVoidResult();
    }

    public void Dispose() => _page.Dispose();

    private IRenderedComponent<AddressForm> Render(string address = "", string? returnTo = null, string? error = null) =>
        _page.Render<AddressForm>(form => form
        .Add(component => component.Address, address)
        .Add(component => component.ReturnTo, returnTo)
        .Add(component => component.Error, error));

    private static string? ErrorOf(IRenderedComponent<AddressForm> form) => form.FindAll("#email-error").SingleOrDefault()?.TextContent;

    [Theory]
    [InlineData("", "Enter your email address.")]
    [InlineData("   ", "Enter your email address.")]
    [InlineData("ann", "Enter an email address in the correct format, like name@example.com.")]
    [InlineData("Ann <ann@example.com>", "Enter an email address in the correct format, like name@example.com.")]
    public void An_invalid_address_shows_an_error_at_the_field_and_is_not_submitted(string typed, string error)
    {
        var form = Render();
        form.Find("#email").Input(typed);
        ErrorOf(form).ShouldBeNull("no error is shown while typing");

        form.Find("form").Submit();

        ErrorOf(form).ShouldBe(error);
        var field = form.Find("#email");
        field.GetAttribute("aria-invalid").ShouldBe("true");
        field.GetAttribute("aria-describedby").ShouldBe("email-error");
        form.Find("#email-error").GetAttribute("role").ShouldBe("alert");
        _page.JSInterop.VerifyInvoke("otpPortal.focus");
        _page.JSInterop.VerifyNotInvoke("otpPortal.post");
    }

    [Fact]
    public void The_error_disappears_once_the_address_is_valid()
    {
        var form = Render();
        form.Find("form").Submit();
        ErrorOf(form).ShouldNotBeNull();

        form.Find("#email").Input("ann@examp");
        ErrorOf(form).ShouldNotBeNull();
        form.Find("#email").Input("ann@example.com");

        ErrorOf(form).ShouldBeNull();
        form.Find("#email").HasAttribute("aria-invalid").ShouldBeFalse();
    }

    [Fact]
    public void A_valid_address_is_posted_once_as_a_regular_form()
    {
        var form = Render(returnTo: "https://app.example.com/");
        form.Find("#email").Input("ann@example.com");

        form.Find("form").Submit();

        _page.JSInterop.VerifyInvoke("otpPortal.post");
        form.Find("form").GetAttribute("action").ShouldBe("/login");
        form.Find("form").GetAttribute("method").ShouldBe("post");
        form.Find("#email").GetAttribute("name").ShouldBe("email");
        form.Find("input[name=return_to]").GetAttribute("value").ShouldBe("https://app.example.com/");
        var button = form.Find("button[type=submit]");
        button.HasAttribute("disabled").ShouldBeTrue("a second click sends nothing again");
        button.TextContent.Trim().ShouldBe("Sending…");
    }

    [Fact]
    public void Shows_the_address_and_the_error_after_a_rejected_request()
    {
        var form = Render("ann@example.com", error: "Wait 14 minutes.");

        form.Find("#email").GetAttribute("value").ShouldBe("ann@example.com");
        ErrorOf(form).ShouldBe("Wait 14 minutes.");
    }
}
