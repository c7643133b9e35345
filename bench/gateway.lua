-- The gateway's requests, the same for the portal and for the yardstick. BENCH_WHAT: put, hook, check or status; BENCH_IDS: how many ids there are.
local what = os.getenv("BENCH_WHAT")
local ids = tonumber(os.getenv("BENCH_IDS") or "1")
local headers = {
  ["Authorization"] = "Basic QmVuY2g6c2VjcmV0LW9mLXRoZS1iZW5jaA==",
  ["Content-Type"] = "application/x-www-form-urlencoded",
}
local count = 0
-- Otherwise each round would have the same addresses, and exceed the limit of messages to each of them.
math.randomseed(os.time())

function request()
  count = count + 1
  if what == "put" then return wrk.format("PUT", "/api/otp", headers, "provider=hook&otp=123456&max_attempts=20") end
  if what == "hook" then return wrk.format("PUT", "/api/otp", headers, "provider=hook&otp=123456&to=somebody" .. math.random(1000000000)) end
  local id = "bench-" .. (count % ids)
  if what == "check" then return wrk.format("POST", "/api/otp/" .. id, headers, "action=check&otp=000000") end
  return wrk.format("POST", "/api/otp/" .. id .. "/status", headers, "")
end
