-- The commands that are refused now, the newest.
-- $1 integer for how many seconds they are, $2 integer limit
SELECT account_id::text, digests FROM set_aside_commands
WHERE at > now() - make_interval(secs => $1) ORDER BY at DESC LIMIT $2
