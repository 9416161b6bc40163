-- A new canned response.
-- $1 uuid, $2 uuid account, $3 text short code, $4 text the short code folded, $5 text title, $6 text content,
-- $7 text category, $8 text who made it
INSERT INTO canned_responses (id, account_id, short_code, short_code_key, title, content, category, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING {{columns}}
