-- Stores the presence that connections of an account's agents report.
--   KEYS[1]  the account's hash: `connection|agent` = `status:expires_at:reported_at`
--   ARGV     seconds to keep it, then fields and values in turn
-- Every gateway with a stream of an agent renews what the agent said over REST (a field without a connection), perhaps just
-- after another gateway has received a newer status. So an older statement with a different status changes nothing.
-- See is_older in core/routing/supervision_messages.py.
local function superseded(field, value)
  local known = string.sub(field, 1, 1) == '|' and redis.call('HGET', KEYS[1], field)
  if not known then
    return false
  end
  local status, reported_at = string.match(value, '^(%a+):%d+:(%d+)$')
  local known_status, known_at = string.match(known, '^(%a+):%d+:(%d+)$')
  return known_at and reported_at and status ~= known_status and tonumber(reported_at) < tonumber(known_at)
end

for i = 2, #ARGV, 2 do
  if not superseded(ARGV[i], ARGV[i + 1]) then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
