-- The canned response that has a short code.
-- $1 uuid account, $2 text the short code folded
SELECT id::text FROM canned_responses WHERE account_id = $1 AND short_code_key = $2
