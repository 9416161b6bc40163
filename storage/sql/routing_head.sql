-- Where an account's feed stands, and how often what routing goes by has changed there. $1 uuid account
SELECT f.account_id::text, f.position, coalesce(r.version, 0)
FROM account_feeds f LEFT JOIN routing_changes r ON r.account_id = f.account_id WHERE f.account_id = $1::text::uuid
