// Everything here only adds to pages that work without it.
(() => {
    'use strict';

    // One WebSocket and no negotiation: any replica can serve it, without sticky sessions. Where WebSockets are blocked the forms do everything.
    const line = () => document.getElementById('components-reconnect-modal');
    const lineIsDown = () => /components-reconnect-(show|failed|rejected)/.test(line()?.className ?? '');

    // A ticket is good for one post. The page posts it by itself, and the circuit that takes the page over would post it again: the browser
    // would throw the first answer away, and the second one would say that the ticket is used.
    let finishing = false;

    window.otpPortal = {
        // Past the submit event, so that a circuit which has done its part does not get it back.
        post: form => {
            if (!form?.isConnected || finishing) return;
            finishing = 'submitAtOnce' in form.dataset;
            HTMLFormElement.prototype.submit.call(form);
        },
        focus: id => {
            // A frame does not take the focus from the page around it.
            if (parent !== window && !document.hasFocus()) return;
            const field = document.getElementById(id);
            field?.focus();
            field?.select?.();
        },
        open: path => location.assign(path),
        finished: () => tellFinished(),
        ready: () => { document.documentElement.dataset.portal = 'ready'; },
    };

    // A hosted page in a frame tells the page around it that the code was right, or that Escape was pressed: that origin only, never "*".
    // The server has checked the origin that it names. Without one the browser's own word counts: frame-ancestors lets listed origins frame us only.
    const hosted = () => document.querySelector('[data-otp-page]')?.dataset;
    const tellFrame = message => {
        const origin = hosted()?.origin ?? location.ancestorOrigins?.[0];
        if (hosted() && origin && parent !== window) parent.postMessage(message, origin);
    };
    // otpgateway's own script takes every message with a namespace and an id for the success.
    const tellFinished = () => {
        const { namespace, id } = hosted() ?? {};
        tellFrame({ otpgateway: 'finished', namespace, id });
    };
    // Escape ends the choice of Chinese characters, too.
    addEventListener('keydown', event => { if (event.key === 'Escape' && !event.isComposing) tellFrame({ otpgateway: 'cancelled' }); });

    // The page around hands the focus to the frame as a whole; browsers refuse a foreign frame's autofocus.
    const focusFirst = () => {
        if (parent !== window && document.hasFocus() && document.activeElement === document.body) document.querySelector('main [data-first]')?.focus();
    };
    addEventListener('focus', focusFirst);

    // Without a circuit nobody tells a hosted page what another device has done: then it asks, and shows the page that belongs to the answer.
    const follow = async () => {
        const page = hosted();
        if (!page || 'finished' in page || 'over' in page || (document.documentElement.dataset.portal && !lineIsDown())) return;
        const address = `/otp/${page.namespace}/${encodeURIComponent(page.id)}`;
        try {
            const answer = await fetch(address + '/status');
            if (answer.status === 400 || (answer.ok && (await answer.json()).data.closed)) location.replace(address + page.query);
        } catch {
            // The next time, then.
        }
    };

    // While the circuit's line is down it would swallow the form: let it go the ordinary way instead.
    addEventListener('submit', event => {
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // Nor would it hear what is typed meanwhile: it is told when the line is up again.
    const tell = field => field.dispatchEvent(new Event('input', { bubbles: true }));
    const watchLine = () => {
        let wasDown = false;
        new MutationObserver(() => {
            const isDown = lineIsDown();
            if (wasDown && !isDown) document.querySelectorAll('main input[id]').forEach(tell);
            wasDown = isDown;
        }).observe(line() ?? document.body, { attributes: true, attributeFilter: ['class'] });
    };

    // A form that is on its way is not sent again: the answer to the first one, with its cookie, would be thrown away. Typing a code, which
    // submits itself, and then pressing Enter would do that.
    let sentAt = -Infinity;
    addEventListener('submit', event => {
        if (event.defaultPrevented) return;
        if (event.timeStamp - sentAt < 3000) event.preventDefault();
        else sentAt = event.timeStamp;
    });

    // The circuit draws its part of the page again. On a slow line somebody has begun to type by then: what they typed, and the focus, go on
    // in the new fields.
    const fields = new Map();
    let focused = null;
    const remember = () => {
        for (const field of document.querySelectorAll('main :is(input, button)[id]')) fields.set(field.id, field);
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
            if (field.localName === 'button' || old.value === old.defaultValue) continue;
            field.value = old.value;
            if (field.type === 'text') field.setSelectionRange(old.selectionStart, old.selectionEnd);
            tell(field);
        }
    };

    // A full code is submitted by itself.
    const digitsOf = text => text.replace(/[\s\p{Pd}\p{Cf}]/gu, '');
    let submitted = '';
    const submitWhenFull = field => {
        const length = Number(field.dataset?.codeLength);
        if (!length) return;
        const digits = digitsOf(field.value);
        if (digits.length !== length || !/^\p{Nd}+$/u.test(digits)) { submitted = ''; return; }
        if (digits === submitted) return;
        submitted = digits;
        // After the circuit has heard of the input itself.
        setTimeout(() => field.isConnected && field.form?.requestSubmit(), 0);
    };
    addEventListener('input', event => {
        submitWhenFull(event.target);
        if (lineIsDown()) event.stopImmediatePropagation();
    }, true);

    // A code in a text message that names this site can be taken over with one tap (WebOTP).
    const offerCode = () => {
        const field = document.querySelector('[data-code-length]');
        if (!field || !('OTPCredential' in window)) return;
        navigator.credentials.get({ otp: { transport: ['sms'] } }).then(otp => {
            field.value = otp.code;
            tell(field);
        }).catch(() => { });
    };

    addEventListener('DOMContentLoaded', () => {
        window.otpPortal.post(document.querySelector('form[data-submit-at-once]'));
        if ('finished' in (hosted() ?? {})) tellFinished();
        setInterval(follow, 1500);
        // The next page in a frame that has the focus already.
        focusFirst();
        offerCode();
        watchLine();
        remember();
        addEventListener('focusin', () => { focused = document.activeElement; });
        new MutationObserver(carryOver).observe(document.querySelector('main') ?? document.body, { childList: true, subtree: true });
        window.Blazor?.start({
            circuit: {
                // The circuit speaks the page's language, also where a frame has no cookie that says so.
                configureSignalR: builder => builder.withUrl('_blazor?lang=' + document.documentElement.lang, { skipNegotiation: true, transport: 1 }),
                reconnectionOptions: { maxRetries: 60, retryIntervalMilliseconds: attempt => Math.min(500 * (attempt + 1), 5000) },
            },
        }).catch(() => { });
    });
})();
