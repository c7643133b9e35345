-- Asks OTP Portal whether the client is signed in before HAProxy forwards a request. Requires HAProxy 2.6 or later with Lua.
local portal = "http://127.0.0.1:3000/forward-auth"

local identity = {
    "remote-user", "remote-email", "remote-name", "remote-groups",
    "x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-auth-request-preferred-username",
}

-- The headers that the portal reads: the token, those that identify a page navigation, and those that haproxy.cfg sets. No others are sent.
local sent = {
    "cookie", "authorization", "accept", "x-requested-with", "sec-fetch-mode", "sec-websocket-key",
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
}

-- Copied from the portal's response to the client if access is denied.
local copied = { "location", "www-authenticate", "cache-control", "content-type" }

core.register_action("otp-portal", { "http-req" }, function(txn)
    local request = txn.http:req_get_headers()
    local headers = {
        ["x-forwarded-method"] = { txn.sf:method() },
        ["x-forwarded-uri"] = { txn.sf:pathq() },
    }
    for _, name in ipairs(sent) do
        local values = request[name]
        if values then
            -- HAProxy counts from 0.
            headers[name] = {}
            for i = 0, #values do table.insert(headers[name], values[i]) end
        end
    end

    local answer = core.httpclient():get({ url = portal, headers = headers })
    if answer and answer.status == 200 then
        for _, name in ipairs(identity) do
            local values = answer.headers[name]
            if values and values[0] ~= "" then txn.http:req_set_header(name, values[0]) end
        end
        return
    end

    local refused = answer and (answer.status == 302 or answer.status == 401)
    local reply = txn:reply({ status = refused and answer.status or 503, body = refused and answer.body or "" })
    if refused then
        for _, name in ipairs(copied) do
            local values = answer.headers[name]
            if values then reply:add_header(name, values[0]) end
        end
    end
    txn:done(reply)
end)
