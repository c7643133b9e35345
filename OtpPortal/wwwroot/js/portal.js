// Everything here only adds to pages that work without it.
(() => {
    'use strict';

    // One WebSocket and no negotiation: any replica can serve it, without sticky sessions. Where WebSockets are blocked the forms do everything.
    const line = () => document.getElementById('components-reconnect-modal');
    const lineIsDown = () => /components-reconnect-(show|failed|rejected)/.test(line()?.className ?? '');

    window.otpPortal = {
        // Past the submit event, so that a circuit which has done its part does not get it back.
        post: form => form?.isConnected && HTMLFormElement.prototype.submit.call(form),
        focus: id => { const field = document.getElementById(id); field?.focus(); field?.select?.(); },
        open: path => location.assign(path),
        ready: () => { document.documentElement.dataset.portal = 'ready'; },
    };

    // While the circuit's line is down it would swallow the form: let it go the ordinary way instead.
    addEventListener('submit', event => {
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // The circuit draws its part of the page anew. On a slow line somebody has begun to type by then: what they typed, and the focus, go on
    // in the new fields.
    const fields = new Map();
    let focused = null;
    const remember = () => {
        for (const field of document.querySelectorAll('main input[id]')) fields.set(field.id, field);
        focused = document.activeElement;
    };
    const carryOver = () => {
        for (const [id, old] of fields) {
            const field = document.getElementById(id);
            if (old.isConnected || !field) continue;
            fields.set(id, field);
            if (focused === old) {
                field.focus();
                focused = field;
            }
            if (old.value === old.defaultValue) continue;
            field.value = old.value;
            if (field.type === 'text') field.setSelectionRange(old.selectionStart, old.selectionEnd);
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }
    };

    // A full code is submitted by itself.
    const digitsOf = text => text.replace(/[\s\p{Pd}\p{Cf}]/gu, '');
    let submitted = '';
    addEventListener('input', event => {
        const field = event.target;
        const length = Number(field.dataset?.codeLength);
        if (!length) return;
        const digits = digitsOf(field.value);
        if (digits.length !== length || !/^\p{Nd}+$/u.test(digits)) { submitted = ''; return; }
        if (digits === submitted) return;
        submitted = digits;
        // After the circuit has heard of the input itself.
        setTimeout(() => field.isConnected && field.form?.requestSubmit(), 0);
    });

    // A code in a text message that names this site can be taken over with one tap (WebOTP).
    const offerCode = () => {
        const field = document.querySelector('[data-code-length]');
        if (!field || !('OTPCredential' in window)) return;
        navigator.credentials.get({ otp: { transport: ['sms'] } }).then(otp => {
            field.value = otp.code;
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }).catch(() => { });
    };

    addEventListener('DOMContentLoaded', () => {
        window.otpPortal.post(document.querySelector('form[data-submit-at-once]'));
        offerCode();
        remember();
        addEventListener('focusin', () => { focused = document.activeElement; });
        new MutationObserver(carryOver).observe(document.querySelector('main') ?? document.body, { childList: true, subtree: true });
        window.Blazor?.start({
            circuit: {
                configureSignalR: builder => builder.withUrl('_blazor', { skipNegotiation: true, transport: 1 }),
                reconnectionOptions: { maxRetries: 60, retryIntervalMilliseconds: attempt => Math.min(500 * (attempt + 1), 5000) },
            },
        }).catch(() => { });
    });
})();
