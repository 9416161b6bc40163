-- Canned responses (accounts/canned.py).


-- name: canned_columns
-- Columns of a CannedResponse, in the order of its fields.
id::text, account_id::text, short_code, title, content, category, created_by,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint, actions


-- name: canned_create
-- Create a canned response.
-- $1 uuid, $2 uuid account, $3 text short code, $4 text folded short code, $5 text title, $6 text content, $7 text
-- category, $8 text author, $9 jsonb actions
INSERT INTO canned_responses (id, account_id, short_code, short_code_key, title, content, category, created_by, actions)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {{columns}}


-- name: canned_delete
-- Delete a canned response.
-- $1 uuid
DELETE FROM canned_responses WHERE id = $1 RETURNING short_code


-- name: canned_get
-- One canned response.
-- $1 uuid
SELECT {{columns}} FROM canned_responses WHERE id = $1


-- name: canned_named
-- The canned response with a short code.
-- $1 uuid account, $2 text folded short code
SELECT id::text FROM canned_responses WHERE account_id = $1 AND short_code_key = $2


-- name: canned_page
-- A page of canned responses, oldest first, each row with its sort key in front.
-- $1 text category or null, $2 text ILIKE pattern or null, $3 bigint and $4 uuid: time (µs) and id of the last row
-- seen, or null, $5 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM canned_responses
WHERE ($1::text IS NULL OR category = $1)
  AND ($2::text IS NULL OR short_code ILIKE $2 OR title ILIKE $2 OR content ILIKE $2)
  AND ($3::bigint IS NULL OR (created_at, id) > (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY created_at, id LIMIT $5


-- name: canned_update
-- Change a canned response. Null leaves a field as it is.
-- $1 uuid, $2 text short code, $3 text folded short code, $4 text title, $5 text content, $6 boolean whether to set the
-- category, $7 text category, $8 boolean whether to set the actions, $9 jsonb actions
UPDATE canned_responses SET short_code = coalesce($2, short_code), short_code_key = coalesce($3, short_code_key),
  title = coalesce($4, title), content = coalesce($5, content),
  category = CASE WHEN $6 THEN $7 ELSE category END, actions = CASE WHEN $8 THEN $9 ELSE actions END, updated_at = now()
WHERE id = $1 RETURNING {{columns}}
