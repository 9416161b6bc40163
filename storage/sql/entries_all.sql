-- A conversation's entries after a seq, its opening (entry 0) included.
-- $1 uuid conversation, $2 integer after, $3 limit
SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3
