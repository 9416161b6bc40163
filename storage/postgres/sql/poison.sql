-- Queries of poison: each starts with a line `-- name:` and is described by the comment below it.


-- name: set_aside_add
-- Note a command that was set aside, once, and let go those of a month ago. An account that is gone has none.
-- $1 text id, $2 uuid account, $3 text type, $4 text target, $5 bytea[] digests
WITH old AS (DELETE FROM set_aside_commands WHERE at < now() - interval '30 days')
INSERT INTO set_aside_commands (id, account_id, type, target, digests)
SELECT $1, a.id, $3, $4, $5 FROM accounts a WHERE a.id = $2
ON CONFLICT (id) DO NOTHING


-- name: set_aside_listed
-- The commands that are refused now, the newest.
-- $1 integer for how many seconds they are, $2 integer limit
SELECT account_id::text, digests FROM set_aside_commands
WHERE at > now() - make_interval(secs => $1) ORDER BY at DESC LIMIT $2
