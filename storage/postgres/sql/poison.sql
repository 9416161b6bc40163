-- Commands that were set aside because hosts died under them (conversations/poison.py).


-- name: set_aside_add
-- Record a command that was set aside, and delete records older than a month. Does nothing if it is recorded already or
-- its account is gone.
-- $1 text id, $2 uuid account, $3 text type, $4 text target, $5 bytea[] digests
WITH old AS (DELETE FROM set_aside_commands WHERE at < now() - interval '30 days')
INSERT INTO set_aside_commands (id, account_id, type, target, digests)
SELECT $1, a.id, $3, $4, $5 FROM accounts a WHERE a.id = $2
ON CONFLICT (id) DO NOTHING


-- name: set_aside_listed
-- The commands that are refused at present, newest first.
-- $1 integer seconds they are refused for, $2 integer limit
SELECT account_id::text, digests FROM set_aside_commands
WHERE at > now() - make_interval(secs => $1) ORDER BY at DESC LIMIT $2
