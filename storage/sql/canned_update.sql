-- Change a canned response.
-- $1 uuid, $2 text short code or null, $3 text the short code folded, $4 text title or null, $5 text content or null,
-- $6 boolean whether to set the category, $7 text category
UPDATE canned_responses SET short_code = coalesce($2, short_code), short_code_key = coalesce($3, short_code_key),
  title = coalesce($4, title), content = coalesce($5, content),
  category = CASE WHEN $6 THEN $7 ELSE category END, updated_at = now()
WHERE id = $1 RETURNING {{columns}}
