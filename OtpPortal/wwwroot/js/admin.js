// Asks for confirmation before sessions are revoked. The component library does everything else, or it works without script.
window.otpAdmin = {
    ask: dialog => dialog?.isConnected && !dialog.open && dialog.showModal(),
    close: dialog => dialog?.isConnected && dialog.close(),
};
