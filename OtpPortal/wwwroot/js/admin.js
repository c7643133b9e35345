// The question before sessions are ended. Everything else on the pages of the administration is the component library's, or works without script.
window.otpAdmin = {
    ask: dialog => dialog?.isConnected && !dialog.open && dialog.showModal(),
    close: dialog => dialog?.isConnected && dialog.close(),
};
