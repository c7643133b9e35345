using Bunit;
using Microsoft.Extensions.DependencyInjection;
using OtpPortal.Limits.Captcha;
using OtpPortal.OneTimeCodes;
using OtpPortal.SignIn;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.SignIn;

/// <summary>Tests the interactive <c>CodeForm</c> component against the real sign-in service and store.</summary>
public sealed class CodeFormTests(PortalHost portal) : IClassFixture<PortalHost>, IAsyncLifetime
{
    private static readonly ClientInfo s_visitor = new("192.0.2.1", "192.0.2.1", "Tests/1.0");

    private readonly BunitContext _page = new();
    private readonly string _email = TestUser.New();
    private IServiceScope _scope = null!;
    private AuthFlow _flow = null!;
    private string _flowId = null!;

    public async Task InitializeAsync()
    {
        _scope = portal.Services.CreateScope();
        _flow = _scope.ServiceProvider.GetRequiredService<AuthFlow>();
        _page.Services.AddLogging().AddLocalization();
        _page.Services.AddSingleton(_flow);
        _page.Services.AddSingleton(portal.Services.GetRequiredService<SignInSettings>());
        _page.Services.AddSingleton(portal.Services.GetRequiredService<CodeSettings>());
        _page.Services.AddSingleton<TimeProvider>(portal.Clock);
        _page.JSInterop.SetupVoid("otpPortal.ready").SetVoidResult();
        _page.JSInterop.SetupVoid("otpPortal.focus", "code").SetVoidResult();
        _page.JSInterop.SetupVoid("otpPortal.post", call => call.Arguments.Count == 1).SetVoidResult();
        _page.JSInterop.SetupVoid("otpPortal.open", call => call.Arguments.Count == 1).SetVoidResult();
        _flowId = (await _flow.BeginAsync(_email, s_visitor with { LimitKey = _email }, null, Proof.None, null))
            .ShouldBeOfType<BeginOutcome.Begun>().FlowId;
    }

    public async Task DisposeAsync()
    {
        await _page.DisposeAsync();
        _scope.Dispose();
    }

    private async Task<IRenderedComponent<CodeForm>> RenderAsync(string? error = null, string? ticket = null)
    {
        var state = (await _flow.FindAsync(_flowId)).ShouldNotBeNull();
        return _page.Render<CodeForm>(form => form
            .Add(component => component.FlowId, _flowId)
            .Add(component => component.Initial, state)
            .Add(component => component.Ticket, ticket)
            .Add(component => component.ClientInfo, s_visitor with { LimitKey = _email })
            .Add(component => component.Error, error));
    }

    private static void Enter(IRenderedComponent<CodeForm> form, string code)
    {
        form.Find("#code").Input(code);
        form.Find("form[action='/login-otp']").Submit();
    }

    private static string TextOf(IRenderedComponent<CodeForm> form, string selector) =>
        string.Join(' ', form.Find(selector).TextContent.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string Wrong(string code) => code[..^1] + (char)('0' + ((code[^1] - '0' + 1) % 10));

    // The component renders asynchronously, after a round trip to the store.
    private static Task ShowsAsync(IRenderedComponent<CodeForm> form, string selector, string text) =>
        Eventually.BeTrueAsync(() => form.FindAll(selector) is [var element]
            && element.TextContent.Contains(text, StringComparison.Ordinal), $"{selector} shows {text}");

    [Fact]
    public async Task Counts_down_to_the_expiry_and_to_the_next_resend()
    {
        var form = await RenderAsync();
        TextOf(form, "#code-expiry").ShouldBe("Expires in 5:00");
        TextOf(form, "form[action='/login/resend'] button").ShouldBe("Resend code in 0:30");
        form.Find("form[action='/login/resend'] button").HasAttribute("disabled").ShouldBeTrue();
        // The browser counts down.
        form.Find("#code-expiry").GetAttribute("data-countdown").ShouldBe("300000");
        form.Find("#code-expiry").GetAttribute("data-text").ShouldBe("Expires in {0}");
        form.Find("form[action='/login/resend'] button").GetAttribute("data-countdown").ShouldBe("30000");

        for (var second = 0; second < 30; second++) portal.Clock.Advance(TimeSpan.FromSeconds(1));
        await portal.Clock.AdvanceUntilAsync(
            () => TextOf(form, "form[action='/login/resend'] button") == "Resend code", TimeSpan.FromMilliseconds(200));
        form.Find("form[action='/login/resend'] button").HasAttribute("disabled").ShouldBeFalse();
        form.Find("form[action='/login/resend'] button").HasAttribute("data-countdown").ShouldBeFalse();
    }

    [Fact]
    public async Task A_page_on_which_nothing_changes_is_not_rendered_again()
    {
        await portal.CodeForAsync(_email);
        var form = await RenderAsync();
        // The end of the cooldown and the delivery status are shown.
        portal.Clock.Advance(TimeSpan.FromSeconds(30));
        await portal.Clock.AdvanceUntilAsync(
            () => TextOf(form, "form[action='/login/resend'] button") == "Resend code"
                && TextOf(form, "[role=status]").StartsWith("Sent.", StringComparison.Ordinal),
            TimeSpan.FromSeconds(1));
        var renders = form.RenderCount;
        var until = portal.Clock.GetUtcNow() + TimeSpan.FromSeconds(20);

        await portal.Clock.AdvanceUntilAsync(() => portal.Clock.GetUtcNow() >= until, TimeSpan.FromSeconds(1));

        form.RenderCount.ShouldBe(renders);
        TextOf(form, "h1").ShouldBe("Check your email");
    }

    [Fact]
    public async Task Updates_the_delivery_status_of_the_message()
    {
        var state = (await _flow.FindAsync(_flowId)).ShouldNotBeNull() with { Message = MessageProgress.OnItsWay };
        var form = _page.Render<CodeForm>(parameters => parameters
            .Add(component => component.FlowId, _flowId).Add(component => component.Initial, state).Add(component => component.Ticket, null)
            .Add(component => component.ClientInfo, s_visitor).Add(component => component.Error, null));
        TextOf(form, "[role=status]").ShouldBe("Sending…");

        await portal.CodeForAsync(_email);
        await portal.Clock.AdvanceUntilAsync(
            () => TextOf(form, "[role=status]").StartsWith("Sent.", StringComparison.Ordinal), TimeSpan.FromMilliseconds(200));
    }

    [Fact]
    public async Task A_wrong_code_shows_the_remaining_attempts_without_a_reload()
    {
        var code = await portal.CodeForAsync(_email);
        var form = await RenderAsync();

        Enter(form, Wrong(code));
        await ShowsAsync(form, "#code-error", "Incorrect code. 4 attempts left.");
        form.Find("#code").GetAttribute("aria-invalid").ShouldBe("true");
        form.Find("#code").GetAttribute("aria-describedby").ShouldBe("code-error code-expiry");
        (form.Find("#code").GetAttribute("value") ?? "").ShouldBeEmpty("ready for the next attempt");
        _page.JSInterop.VerifyInvoke("otpPortal.focus");

        for (var i = 0; i < 3; i++)
        {
            Enter(form, Wrong(code));
            await ShowsAsync(form, "#code-error", i == 2 ? "1 attempt left" : $"{3 - i} attempts left");
        }
        _page.JSInterop.VerifyNotInvoke("otpPortal.post");
    }

    [Fact]
    public async Task A_malformed_code_shows_an_error_and_does_not_count_as_an_attempt()
    {
        var form = await RenderAsync();

        Enter(form, "12x");

        await ShowsAsync(form, "#code-error", "Enter all 6 digits.");
        (await _flow.FindAsync(_flowId))!.AttemptsLeft.ShouldBe(5);
    }

    [Fact]
    public async Task The_correct_code_yields_a_single_use_ticket_bound_to_the_flow_cookie()
    {
        var code = await portal.CodeForAsync(_email);
        var form = await RenderAsync();

        Enter(form, $"{code[..3]} {code[3..]}");
        await Eventually.BeTrueAsync(() => form.FindAll("form[action='/login/finish']").Count == 1);

        form.Find("h1").TextContent.ShouldBe("Code accepted");
        await Eventually.BeTrueAsync(() => _page.JSInterop.Invocations["otpPortal.post"].Count == 1);
        var ticket = form.Find("input[name=ticket]").GetAttribute("value")!;
        ticket.Length.ShouldBe(43);

        var stranger = portal.NewBrowser();
        (await stranger.PostAsync("/login/finish", ("ticket", ticket))).Cookie("auth_token").ShouldBeNull("it needs the flow's cookie");
        var browser = portal.NewBrowser();
        browser.Cookies["otp_flow"] = _flowId;
        (await browser.PostAsync("/login/finish", ("ticket", "x" + ticket[1..]))).Cookie("auth_token").ShouldBeNull();
        var done = await browser.PostAsync("/login/finish", ("ticket", ticket));
        (done.Status, done.Location).ShouldBe((303, "/"));
        (await browser.GetAsync("/")).Text.ShouldContain($"Signed in {_email}");

        var again = portal.NewBrowser();
        again.Cookies["otp_flow"] = _flowId;
        (await again.PostAsync("/login/finish", ("ticket", ticket))).Cookie("auth_token").ShouldBeNull("once");
    }

    [Fact]
    public async Task A_tab_that_loses_the_finish_looks_again_instead_of_showing_expired()
    {
        (await _flow.SubmitAsync(_flowId, await portal.CodeForAsync(_email), s_visitor)).ShouldBeOfType<SubmitOutcome.Verified>();
        var ticket = await _flow.GrantTicketAsync(_flowId);
        var winner = portal.NewBrowser();
        winner.Cookies["otp_flow"] = _flowId;
        (await winner.PostAsync("/login/finish", ("ticket", ticket))).Cookie("auth_token").ShouldNotBeNull();

        // The cookies of the same browser before the winner's response arrives.
        var loser = portal.NewBrowser();
        loser.Cookies["otp_flow"] = _flowId;
        (await loser.PostAsync("/login/finish", ("ticket", ticket))).Location.ShouldBe("/login/code");
        (await loser.GetAsync("/login/code")).Location.ShouldBe("/");
        var wait = await loser.GetAsync("/");
        wait.Find("h1")!.TextContent.ShouldBe("Code accepted");
        wait.Header("Refresh").ShouldBe("1; url=/");

        (await loser.GetAsync("/")).Find("input[name=email]").ShouldNotBeNull("it looks again once");
        loser.Cookies["auth_token"] = winner.Cookies["auth_token"];
        (await loser.GetAsync("/")).Text.ShouldContain($"Signed in {_email}");
    }

    [Fact]
    public async Task A_ticket_expires_after_a_minute_and_is_replaced_on_reload()
    {
        (await _flow.SubmitAsync(_flowId, await portal.CodeForAsync(_email), s_visitor)).ShouldBeOfType<SubmitOutcome.Verified>();
        var lost = await _flow.GrantTicketAsync(_flowId);
        var browser = portal.NewBrowser();
        browser.Cookies["otp_flow"] = _flowId;

        var page = await browser.GetAsync("/login/code");
        var ticket = page.Find("form[action='/login/finish'] input[name=ticket]")!.GetAttribute("value")!;
        ticket.ShouldNotBe(lost);
        (await browser.PostAsync("/login/finish", ("ticket", lost))).Cookie("auth_token").ShouldBeNull();
        portal.Clock.Advance(TimeSpan.FromSeconds(60));
        (await browser.PostAsync("/login/finish", ("ticket", ticket))).Cookie("auth_token").ShouldBeNull();
    }

    [Fact]
    public async Task Shows_that_the_sign_in_has_ended_after_the_last_wrong_code()
    {
        var code = await portal.CodeForAsync(_email);
        var form = await RenderAsync();

        for (var i = 0; i < 5; i++)
        {
            var left = 4 - i;
            Enter(form, Wrong(code));
            await Eventually.BeTrueAsync(
                () => left == 0 ? form.FindAll("#code").Count == 0 : form.FindAll("#code-error") is [var error]
                    && error.TextContent.Contains(left.ToString(null, null), StringComparison.Ordinal));
        }

        form.Find("h1").TextContent.ShouldBe("This sign-in has ended");
        form.Find("[role=alert]").TextContent.ShouldContain("too many incorrect codes");
        form.Find("a[href='/']").TextContent.Trim().ShouldBe("Start again");
    }

    [Fact]
    public async Task Shows_that_the_code_has_expired_without_a_reload()
    {
        var form = await RenderAsync();

        portal.Clock.Advance(TimeSpan.FromSeconds(300));
        await portal.Clock.AdvanceUntilAsync(() => form.FindAll("#code").Count == 0, TimeSpan.FromSeconds(1));

        form.Find("[role=alert]").TextContent.ShouldContain("This code has expired");
    }

    [Fact]
    public async Task Resending_sends_another_code_and_keeps_the_first_one_valid()
    {
        await portal.CodeForAsync(_email);
        var form = await RenderAsync();
        portal.Clock.Advance(TimeSpan.FromSeconds(30));

        form.Find("form[action='/login/resend']").Submit();

        var codes = await portal.CodesForAsync(_email, 2);
        await ShowsAsync(form, "form[action='/login/resend'] button", "0:30");
        Enter(form, codes[0]);
        await Eventually.BeTrueAsync(() => form.FindAll("form[action='/login/finish']").Count == 1, "the first code is still good");
    }

    [Fact]
    public async Task A_resend_within_the_cooldown_shows_the_remaining_wait()
    {
        var form = await RenderAsync();

        form.Find("form[action='/login/resend']").Submit();

        await ShowsAsync(form, "#code-error", "Wait 30 seconds");
        (await portal.CodesForAsync(_email, 1)).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Hides_the_resend_button_once_the_limit_is_reached()
    {
        foreach (var _ in (int[])[2, 3])
        {
            portal.Clock.Advance(TimeSpan.FromSeconds(30));
            (await _flow.ResendCodeAsync(_flowId, s_visitor with { LimitKey = _email })).ShouldBeOfType<ResendCodeOutcome.Sent>();
        }

        var form = await RenderAsync();

        form.FindAll("form[action='/login/resend']").ShouldBeEmpty();
        form.Markup.ShouldContain("No more codes can be sent for this sign-in.");
    }

    [Fact]
    public async Task Redirects_when_the_sign_in_is_completed_in_another_tab()
    {
        var form = await RenderAsync();
        (await _flow.SubmitAsync(_flowId, await portal.CodeForAsync(_email), s_visitor)).ShouldBeOfType<SubmitOutcome.Verified>();

        await portal.Clock.AdvanceUntilAsync(() => _page.JSInterop.Invocations["otpPortal.open"].Count > 0, TimeSpan.FromSeconds(1));

        _page.JSInterop.Invocations["otpPortal.open"][0].Arguments.ShouldBe(["/"]);
    }

    [Fact]
    public async Task Shows_the_attempts_used_in_another_tab()
    {
        var code = await portal.CodeForAsync(_email);
        var form = await RenderAsync();
        (await _flow.SubmitAsync(_flowId, Wrong(code), s_visitor)).ShouldBeOfType<SubmitOutcome.Wrong>();

        await portal.Clock.AdvanceUntilAsync(
            () => form.FindAll("#code-error") is [var error]
                && error.TextContent.Contains("4 attempts left", StringComparison.Ordinal),
            TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task Disposing_the_component_stops_its_timer()
    {
        var form = await RenderAsync();
        var running = portal.Clock.TimersSet;

        await _page.DisposeComponentsAsync();

        portal.Clock.TimersSet.ShouldBe(running - 1);
        form.IsDisposed.ShouldBeTrue();
    }

    [Fact]
    public async Task The_initial_render_matches_the_static_page()
    {
        var form = await RenderAsync(error: "Wait 20 seconds.");

        TextOf(form, "#code-error").ShouldBe("Wait 20 seconds.");
        TextOf(form, ".portal-address").ShouldBe(_email);
        form.Find("#code").GetAttribute("inputmode").ShouldBe("numeric");
        form.Find("#code").GetAttribute("autocomplete").ShouldBe("one-time-code");
        form.Find("#code").GetAttribute("data-code-length").ShouldBe("6");
    }
}
