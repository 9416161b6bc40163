-- The ledger of model calls (assistance/ledger.py).


-- name: model_call_lock
-- Let one call of an account begin at a time, so that limits hold exactly, across processes.
-- $1 text account
SELECT pg_advisory_xact_lock(hashtextextended('model_calls:' || $1, 0))


-- name: model_call_limit
-- Which limit an account has reached: its calls of the last minute, its tokens or its cost of today. Null for none. Costs come
-- in with a call's end, so calls under way may pass the budget by what they use.
-- $1 uuid account, $2 integer calls a minute or null, $3 bigint tokens a day or null, $4 float dollars a day or null
SELECT CASE
  WHEN $2::integer IS NOT NULL AND (SELECT count(*) FROM (SELECT FROM model_calls m
    WHERE m.account_id = $1 AND m.begun_at > clock_timestamp() - interval '1 minute' AND m.provider <> '' LIMIT $2) AS n) >= $2
    THEN 'calls'
  WHEN $3::bigint IS NOT NULL AND u.tokens >= $3 THEN 'tokens'
  WHEN $4::float8 IS NOT NULL AND u.cost >= $4 THEN 'cost' END
FROM (SELECT coalesce(sum(tokens_in + tokens_out), 0) AS tokens, coalesce(sum(cost), 0) AS cost FROM model_usage
      WHERE account_id = $1 AND day = (clock_timestamp() AT TIME ZONE 'UTC')::date) AS u


-- name: model_call_begin
-- Note a call that is about to be made.
-- $1 uuid call, $2 uuid account, $3 uuid conversation or null, $4 text purpose, $5 text provider
INSERT INTO model_calls (id, account_id, conversation_id, purpose, provider) VALUES ($1, $2, $3, $4, $5)


-- name: model_call_end
-- Note how a call ended, once, and add it to the day's usage.
-- $1 uuid call, $2 text outcome, $3 text model, $4 integer tokens in, $5 integer tokens out, $6 float cost, $7 integer ms,
-- $8 integer ms to the first piece
WITH ended AS (
  UPDATE model_calls SET outcome = $2, model = $3, tokens_in = $4, tokens_out = $5, cost = $6, ms = $7, first_ms = $8
  WHERE id = $1 AND outcome = 'running'
  RETURNING account_id, provider, purpose)
INSERT INTO model_usage AS u (account_id, day, provider, model, purpose, outcome, calls, tokens_in, tokens_out, cost, ms)
SELECT account_id, (clock_timestamp() AT TIME ZONE 'UTC')::date, provider, $3, purpose, $2, 1, $4, $5, $6, $7 FROM ended
ON CONFLICT (account_id, day, provider, model, purpose, outcome) DO UPDATE SET calls = u.calls + 1,
  tokens_in = u.tokens_in + excluded.tokens_in, tokens_out = u.tokens_out + excluded.tokens_out,
  cost = u.cost + excluded.cost, ms = u.ms + excluded.ms


-- name: model_call_missed
-- Note that no draft was made for a customer's message, and why: a call without a provider, which counts for no limit.
-- $1 uuid account, $2 uuid conversation, $3 text outcome
WITH missed AS (
  INSERT INTO model_calls (id, account_id, conversation_id, purpose, provider, outcome)
  VALUES (gen_random_uuid(), $1, $2, 'reply', '', $3))
INSERT INTO model_usage AS u (account_id, day, provider, model, purpose, outcome, calls, tokens_in, tokens_out, cost, ms)
VALUES ($1, (clock_timestamp() AT TIME ZONE 'UTC')::date, '', '', 'reply', $3, 1, 0, 0, 0, 0)
ON CONFLICT (account_id, day, provider, model, purpose, outcome) DO UPDATE SET calls = u.calls + 1


-- name: model_usage_of
-- What an account used since a day, by provider, model, purpose and outcome.
-- $1 uuid account, $2 float since (s)
SELECT provider, model, purpose, outcome, sum(calls)::bigint, sum(tokens_in)::bigint, sum(tokens_out)::bigint, sum(cost),
  sum(ms)::bigint
FROM model_usage WHERE account_id = $1 AND day >= (to_timestamp($2) AT TIME ZONE 'UTC')::date
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4


-- name: model_calls_trim
-- Delete calls that are older than the ledger keeps them. Their day's usage stays.
-- $1 float days
WITH gone AS (
  DELETE FROM model_calls WHERE id IN (
    SELECT id FROM model_calls WHERE begun_at < now() - make_interval(secs => $1 * 86400) LIMIT 10000)
  RETURNING 1)
SELECT count(*) FROM gone


-- name: model_calls_abandoned
-- Calls whose process ended before they did: they count as cancelled, as if it had lived to say so.
-- $1 float seconds after which no call can be under way
WITH ended AS (
  UPDATE model_calls SET outcome = 'cancelled' WHERE outcome = 'running' AND begun_at < now() - make_interval(secs => $1)
  RETURNING account_id, begun_at, provider, model, purpose)
INSERT INTO model_usage AS u (account_id, day, provider, model, purpose, outcome, calls, tokens_in, tokens_out, cost, ms)
SELECT account_id, (begun_at AT TIME ZONE 'UTC')::date, provider, model, purpose, 'cancelled', count(*), 0, 0, 0, 0 FROM ended
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (account_id, day, provider, model, purpose, outcome) DO UPDATE SET calls = u.calls + excluded.calls
