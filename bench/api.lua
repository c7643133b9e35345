-- Requests to the API of service accounts, the same for the portal and for the yardstick. BENCH_WHAT: otp-create, otp-pair, jwt-create or
-- jwt-validate; BENCH_ALG and BENCH_JWT: the algorithm, and a token to be validated.
local what = os.getenv("BENCH_WHAT")
local headers = { ["X-API-KEY"] = os.getenv("BENCH_KEY"), ["Content-Type"] = "application/json" }
local create = '{"otpCreateParams":{"charSetNumeric":true,"length":6,"lifespanSeconds":600}}'
local codes = {}

function request()
  if what == "otp-pair" and #codes > 0 then
    local code = table.remove(codes)
    return wrk.format("POST", "/api/v2/otp/validate", headers, '{"otpValidateParams":{"id":"' .. code[1] .. '","otp":"' .. code[2] .. '"}}')
  end
  if what == "otp-create" or what == "otp-pair" then return wrk.format("POST", "/api/v2/otp/create", headers, create) end
  if what == "jwt-create" then
    return wrk.format("POST", "/api/v2/jwt/create", headers, '{"jwtCreateParams":{"alg":"' .. os.getenv("BENCH_ALG") .. '","claims":{"email":"ann@bench.example"},"lifespanSeconds":600}}')
  end
  return wrk.format("POST", "/api/v2/jwt/validate", headers, '{"jwtValidateParams":{"jwt":"' .. os.getenv("BENCH_JWT") .. '"}}')
end

-- In turns: what was just made is validated next.
if what == "otp-pair" then
  function response(status, headers, body)
    local id, otp = body:match('"id":"([^"]+)","otp":"([^"]+)"')
    if id then codes[#codes + 1] = { id, otp } end
  end
end
