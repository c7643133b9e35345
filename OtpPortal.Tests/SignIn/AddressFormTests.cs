using Bunit;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.SignIn;

namespace OtpPortal.Tests.SignIn;

/// <summary>The address page's form, when a circuit has taken it over.</summary>
public sealed class AddressFormTests : IDisposable
{
    private readonly BunitContext _page = new();

    public AddressFormTests()
    {
        _page.Services.AddLogging().AddLocalization();
        // Strict: a call to the browser that is not set up here fails the test.
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
    public void A_mistake_is_told_beside_the_field_and_nothing_is_sent(string typed, string error)
    {
        var form = Render();
        form.Find("#email").Input(typed);
        ErrorOf(form).ShouldBeNull("nobody is corrected while typing");

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
    public void The_complaint_goes_when_its_cause_does()
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
    public void A_good_address_is_posted_as_a_plain_form_once()
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
    public void After_a_refusal_the_address_and_the_reason_are_shown()
    {
        var form = Render("ann@example.com", error: "Wait 14 minutes.");

        form.Find("#email").GetAttribute("value").ShouldBe("ann@example.com");
        ErrorOf(form).ShouldBe("Wait 14 minutes.");
    }
}
