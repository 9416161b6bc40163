-- Leases permits from a token bucket.
--   KEYS[1]  the bucket: a hash of `tokens` (fractional) and `at` (microseconds of this server's clock)
--   ARGV     rate (permits a second), burst (most the bucket holds), wanted (permits asked for)
--   returns  {permits granted (0..wanted), microseconds until the next whole permit (0 when any was granted)}
-- A missing bucket is a full one, so it may expire as soon as it would be full again. A clock that goes back refills
-- nothing. The time is the server's, so gateways with skewed clocks share a bucket fairly.
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = burst
if kept[1] then
  local elapsed = math.max(0, now - tonumber(kept[2]))
  tokens = math.min(burst, tonumber(kept[1]) + elapsed * rate / 1000000)
end

local granted = math.max(0, math.min(wanted, math.floor(tokens)))
tokens = tokens - granted
local wait = 0
if granted == 0 then
  wait = math.ceil((1 - tokens) * 1000000 / rate)
end

redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.0f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - tokens) * 1000 / rate) + 1000)
return {granted, wait}
