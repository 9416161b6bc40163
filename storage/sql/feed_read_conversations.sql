-- A page of some conversations' part of an account's feed.
-- $1 uuid: account, $2 uuid[]: conversations, $3 bigint: after this position, $4 bigint: up to this one, $5 limit
SELECT {{columns}} FROM entries e
WHERE e.conversation_id = ANY ($2::uuid[]) AND e.account_id = $1 AND e.position > $3 AND e.position <= $4
ORDER BY e.position LIMIT $5
