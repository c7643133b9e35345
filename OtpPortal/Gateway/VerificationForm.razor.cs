using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OtpPortal.Delivery;
using OtpPortal.Http;
using OtpPortal.Storage;

namespace OtpPortal.Gateway;

/// <summary>The hosted code page of a circuit, and of a browser without script.</summary>
public sealed partial class VerificationForm(
    VerificationFlow flow, GatewaySettings settings, Providers providers, TimeProvider time, IJSRuntime script)
{
    // Another device's success shows with the next tick.
    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly PageTicker _ticker = new(time);
    private Verification _state = null!;
    private string _code = "";
    private string? _error;
    // The link's code is in the field, and nobody has pressed the button: until then there is just that one, and nothing goes off by
    // itself.
    private bool _untouched;
    private bool _over;
    private bool _busy;
    private bool _sending;
    private bool _live;
    private bool _told;
    private bool _wasOpen;

    [Parameter, EditorRequired]
    public string Namespace { get; set; } = "";

    [Parameter, EditorRequired]
    public string Id { get; set; } = "";

    /// <summary>The state when the page was made, so that the first drawing of the circuit is the same as the page's.</summary>
    [Parameter, EditorRequired]
    public Verification Initial { get; set; } = null!;

    /// <summary>What the address is called: "Email", "Phone number".</summary>
    [Parameter, EditorRequired]
    public string Address { get; set; } = "";

    [Parameter, EditorRequired]
    public PageView View { get; set; } = null!;

    [Parameter, EditorRequired]
    public Guest Guest { get; set; } = null!;

    /// <summary>The code from the link that was opened, or null. Nothing sends it off but its reader's own press of the button.</summary>
    [Parameter, EditorRequired]
    public string? Prefilled { get; set; }

    /// <summary>Why the last form was refused, in words.</summary>
    [Parameter, EditorRequired]
    public string? Error { get; set; }

    private bool IsOpen => !_over && _state is { Closed: false, Locked: false };

    public ValueTask DisposeAsync() => _ticker.DisposeAsync();

    protected override void OnInitialized()
    {
        _state = Initial;
        _code = Prefilled ?? "";
        _untouched = Prefilled is not null;
        // The code of the link has not been tried yet: what is known of others does not belong beside it.
        _error = Error ?? (_state.Attempts > 1 && !_untouched ? WrongText() : null);
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (firstRender)
        {
            // Only circuits come here: a page without script keeps its resend button enabled, because nobody would enable it later.
            _live = true;
            _ticker.Start(s_tick, () => !_over && !_state.Closed, _ => InvokeAsync(TickOnceAsync));
            _wasOpen = IsOpen;
            StateHasChanged();
        }
        if (_wasOpen && !IsOpen)
        {
            // The field that had the focus is gone; screen readers read on from the heading.
            _wasOpen = false;
            await script.InvokeVoidAsync("otpPortal.focus", "outcome");
        }
        if (_state.Closed && !_told)
        {
            _told = true;
            await script.InvokeVoidAsync("otpPortal.finished");
        }
    }

    private async Task SubmitAsync()
    {
        if (_busy || _state.Closed || settings.Find(Namespace) is not { } owner) return;
        _busy = true;
        _untouched = false;
        try
        {
            if (HostedPages.Normalize(_code, _state) is not { } code)
            {
                // Enter after the last digit of a wrong code, which submitted itself, finds the field empty: what was said of that code
                // stays.
                if (_code.Length > 0 || _error is null) _error = HostedPages.MalformedText(T, _state);
            }
            else
            {
                switch (await flow.CheckAsync(owner, Id, code, keep: true, Guest.Ip))
                {
                    case CheckOutcome.Wrong({ Locked: false } wrong):
                        _state = wrong;
                        _error = WrongText();
                        _code = "";
                        break;
                    case CheckOutcome.Unknown:
                        _over = true;
                        return;
                    case CheckOutcome.Verified(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Closed(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Wrong(var now):
                        _state = now;
                        return;
                    case CheckOutcome.Locked(var now):
                        _state = now;
                        return;
                }
            }
            await script.InvokeVoidAsync("otpPortal.focus", "otp");
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _error = T["StoreAway"];
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task SendAgainAsync()
    {
        if (_sending || settings.Find(Namespace) is not { } owner) return;
        _sending = true;
        try
        {
            var outcome = await flow.SendAgainAsync(owner, Id, Guest.Ip, Guest.LimitKey, _ticker.Left);
            _error = HostedPages.Refusal(T, outcome, providers.Find(_state.Provider));
            await RefreshAsync();
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            _error = T["StoreAway"];
        }
        finally
        {
            _sending = false;
        }
    }

    private async Task TickOnceAsync()
    {
        if (_busy || _sending) return;
        try
        {
            await RefreshAsync();
        }
        catch (Exception e) when (StoreFailure.Is(e))
        {
            // The countdown goes on; the next tick asks again.
        }
        StateHasChanged();
    }

    private async Task RefreshAsync()
    {
        var now = await flow.FindAsync(Namespace, Id);
        if (_busy || _state.Closed) return;
        // Verified elsewhere and fetched by the caller's backend, which deletes it, looks the same as over.
        if (now is null && await flow.EchoAsync(Namespace, Id) is not null) now = _state with { Closed = true };
        if (now is null) _over = true;
        else
        {
            var before = _state;
            _state = now;
            if (now is { Closed: false, Locked: false } && now.Attempts > before.Attempts && !_untouched) _error = WrongText();
        }
    }

    private string Action => VerificationId.PageOf(Namespace, Id) + View.Query;

    private string WrongText() => _state.AttemptsLeft == 1 ? T["CodeWrongOne"] : T["CodeWrong", _state.AttemptsLeft];

    private TimeSpan Left(DateTimeOffset until) => until - time.GetUtcNow() is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    private string Clock(DateTimeOffset until)
    {
        var seconds = (int)Math.Ceiling(Left(until).TotalSeconds);
        return string.Create(CultureInfo.InvariantCulture, $"{seconds / 60}:{seconds % 60:D2}");
    }
}
