-- Account feeds (conversations/feeds.py).


-- name: feed_heads
-- The generation and the first and last positions of feeds.
-- $1 uuid[] accounts
SELECT account_id::text, generation, position, kept_from FROM account_feeds WHERE account_id = ANY ($1::uuid[])


-- name: feed_read
-- A page of an account's feed.
-- $1 uuid account, $2 bigint after this position, $3 integer limit
SELECT {{columns}} FROM entries e WHERE e.account_id = $1 AND e.position > $2 ORDER BY e.position LIMIT $3


-- name: feed_read_conversations
-- A page of an account's feed, restricted to some conversations.
-- $1 uuid account, $2 uuid[] conversations, $3 bigint after this position, $4 bigint up to this position, $5 limit
SELECT {{columns}} FROM entries e
WHERE e.conversation_id = ANY ($2::uuid[]) AND e.account_id = $1 AND e.position > $3 AND e.position <= $4
ORDER BY e.position LIMIT $5
