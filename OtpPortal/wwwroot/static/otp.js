// OTPGateway(namespace, id, onFinish, onCancel) opens a verification in a dialog on the page that loads this script:
//   <script id="otpgateway-script" src="https://otp.example.com/static/otp.js"></script>
// The page's origin must be in EMBED_ORIGINS. A Content-Security-Policy needs only script-src and frame-src for the portal:
// styles are set by script, inside a shadow root, so that the style sheets of the two pages do not affect each other.
(() => {
    'use strict';
    if (window.OTPGateway) return;
    const script = document.getElementById('otpgateway-script');
    if (!script?.src) throw new Error('otpgateway: the script tag needs the id "otpgateway-script" and a src');
    const root = new URL(script.src).origin;

    const css = `
        dialog { box-sizing: border-box; flex-direction: column; width: min(28rem, 100vw); height: min(38rem, 100vh); max-width: none; max-height: none; margin: auto; padding: 0; border: 0;
            border-radius: 12px; overflow: hidden; background: #f5f6f8; box-shadow: 0 12px 48px rgb(0 0 0 / 35%); color-scheme: light dark; }
        dialog[open] { display: flex; }
        dialog::backdrop { background: rgb(0 0 0 / 55%); }
        iframe { flex: 1; width: 100%; border: 0; opacity: 0; }
        .ready iframe { opacity: 1; }
        .wait { position: absolute; inset: 0; width: 2rem; height: 2rem; margin: auto; border: 3px solid #8888; border-top-color: #4f46e5; border-radius: 50%; animation: turn 1s linear infinite; }
        .ready .wait { display: none; }
        button { flex: none; align-self: flex-end; width: 44px; height: 44px; margin: 4px; border: 0; border-radius: 8px; background: transparent; color: #5a5a66; font: 24px/1 system-ui, sans-serif; cursor: pointer; }
        button:hover { background: #8883; }
        button:focus-visible { outline: 3px solid #3a37b8; outline-offset: -3px; }
        @keyframes turn { to { transform: rotate(1turn); } }
        @media (max-width: 30rem) { dialog { height: 100vh; height: 100dvh; border-radius: 0; } }
        @media (prefers-color-scheme: dark) { dialog { background: #0f1116; } button { color: #b4b4c0; } button:focus-visible { outline-color: #b9b7ff; } }
        @media (prefers-reduced-motion: reduce) { .wait { animation-duration: 4s; } }`;

    // The portal chooses the page's language in the same way.
    const words = {
        en: ['Verification', 'Close'], de: ['Bestätigung', 'Schließen'], fr: ['Vérification', 'Fermer'], es: ['Verificación', 'Cerrar'], zh: ['验证', '关闭'],
    };
    const [title, close] = navigator.languages.map(language => words[language.slice(0, 2)]).find(found => found) ?? words.en;

    // The number of open dialogs, and the overflow style of the page before the first one.
    const page = document.documentElement;
    let open = 0;
    let before;

    const make = (name, properties, parent) => parent.appendChild(Object.assign(document.createElement(name), properties));

    window.OTPGateway = (namespace, id, onFinish, onCancel) => {
        const host = make('div', {}, document.body ?? page);
        const shadow = host.attachShadow({ mode: 'open' });
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(css);
        shadow.adoptedStyleSheets = [sheet];

        const dialog = make('dialog', { ariaLabel: title }, shadow);
        const button = make('button', { type: 'button', ariaLabel: close, textContent: '\u00d7' }, dialog);
        make('div', { className: 'wait' }, dialog);
        const query = new URLSearchParams({ view: 'popup', origin: location.origin });
        const frame = make('iframe', {
            title, allow: 'otp-credentials',
            src: `${root}/otp/${encodeURIComponent(namespace)}/${encodeURIComponent(id)}?${query}`,
        }, dialog);
        // Keyboard input belongs to the code field.
        frame.onload = () => { dialog.className = 'ready'; frame.focus(); };

        let over = false;
        const end = (callback, ...values) => {
            if (over) return;
            over = true;
            removeEventListener('message', hear);
            // close() restores the focus, so call it before removing the element.
            dialog.close();
            host.remove();
            if (--open === 0) Object.assign(page.style, before);
            callback?.(...values);
        };
        // Accept messages only from this dialog's frame and the portal's origin: any page can send the same data.
        const hear = event => {
            if (event.source !== frame.contentWindow || event.origin !== root || !event.data) return;
            const { otpgateway, namespace: owner, id: which } = event.data;
            if (otpgateway === 'finished' && owner === String(namespace) && which === String(id)) end(onFinish, namespace, id);
            if (otpgateway === 'cancelled') end(onCancel);
        };
        addEventListener('message', hear);

        button.onclick = () => end(onCancel);
        // Escape while the parent page has the focus, and every other way to close a dialog.
        dialog.oncancel = event => { event.preventDefault(); end(onCancel); };
        dialog.onclose = () => end(onCancel);
        // A click on the backdrop or beside the button targets the dialog itself.
        dialog.onclick = event => {
            const box = dialog.getBoundingClientRect();
            if (event.target !== dialog) return;
            if (event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom) end(onCancel);
        };

        if (open++ === 0) {
            before = { overflow: page.style.overflow, scrollbarGutter: page.style.scrollbarGutter };
            // Keeps the layout stable where scroll bars take space.
            if (innerWidth > page.clientWidth) page.style.scrollbarGutter = 'stable';
            page.style.overflow = 'hidden';
        }
        dialog.showModal();
    };
})();
