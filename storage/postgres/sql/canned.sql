-- Queries of canned: each starts with a line `-- name:` and is described by the comment below it.


-- name: canned_columns
-- Canned columns, in the order that rows.py reads.
id::text, account_id::text, short_code, title, content, category, created_by,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: canned_create
-- A new canned response.
-- $1 uuid, $2 uuid account, $3 text short code, $4 text the short code folded, $5 text title, $6 text content,
-- $7 text category, $8 text who made it
INSERT INTO canned_responses (id, account_id, short_code, short_code_key, title, content, category, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {{columns}}


-- name: canned_delete
-- Delete a canned response.
-- $1 uuid
DELETE FROM canned_responses WHERE id = $1 RETURNING short_code


-- name: canned_get
-- One canned response.
-- $1 uuid
SELECT {{columns}} FROM canned_responses WHERE id = $1


-- name: canned_named
-- The canned response that has a short code.
-- $1 uuid account, $2 text the short code folded
SELECT id::text FROM canned_responses WHERE account_id = $1 AND short_code_key = $2


-- name: canned_page
-- Canned responses, oldest first; each with its place.
-- $1 text category or null, $2 text ILIKE pattern or null,
-- $3 bigint and $4 uuid: time (µs) and id of the last one seen, or null, $5 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM canned_responses
WHERE ($1::text IS NULL OR category = $1)
  AND ($2::text IS NULL OR short_code ILIKE $2 OR title ILIKE $2 OR content ILIKE $2)
  AND ($3::bigint IS NULL OR (created_at, id) > (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY created_at, id LIMIT $5


-- name: canned_update
-- Change a canned response.
-- $1 uuid, $2 text short code or null, $3 text the short code folded, $4 text title or null, $5 text content or null,
-- $6 boolean whether to set the category, $7 text category
UPDATE canned_responses SET short_code = coalesce($2, short_code), short_code_key = coalesce($3, short_code_key),
  title = coalesce($4, title), content = coalesce($5, content),
  category = CASE WHEN $6 THEN $7 ELSE category END, updated_at = now()
WHERE id = $1 RETURNING {{columns}}
