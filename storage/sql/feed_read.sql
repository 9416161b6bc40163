-- A page of an account's feed.
-- $1 uuid: account, $2 bigint: after this position, $3 integer: limit
SELECT {{columns}} FROM entries e WHERE e.account_id = $1 AND e.position > $2 ORDER BY e.position LIMIT $3
