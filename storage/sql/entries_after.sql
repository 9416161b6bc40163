-- A conversation's entries after a seq. Entry 0, the opening, is not listed.
-- $1 uuid conversation, $2 integer after, $3 limit
SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.seq > greatest($2, 0) ORDER BY e.seq LIMIT $3
