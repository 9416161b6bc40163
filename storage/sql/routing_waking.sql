-- Accounts with conversations that routing has to do with.
SELECT DISTINCT account_id::text FROM conversations WHERE status IN ('open', 'assigned', 'pending')
