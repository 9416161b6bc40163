-- A page of the inbox: conversations, each with its sort key for the cursor.
-- $1 text: an inbox_filter as JSON, $2 sort, $3 boolean: descending, $4 bigint and $5 uuid: the last row seen or null,
-- $6 how many
SELECT p.key, {{columns}}
FROM inbox_page(jsonb_populate_record(NULL::inbox_filter, $1::text::jsonb), $2, $3, $4, $5, $6)
  WITH ORDINALITY AS p (id, key, n)
JOIN conversations c ON c.id = p.id
ORDER BY p.n
