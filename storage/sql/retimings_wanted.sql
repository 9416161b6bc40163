-- Accounts whose conversations are to be looked through in some of these partitions.
-- $1 integer[]: partitions, $2 integer: how many
SELECT account_id::text, version FROM account_retimings WHERE waiting && $1::integer[] ORDER BY account_id LIMIT $2
