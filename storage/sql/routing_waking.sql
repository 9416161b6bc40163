-- Accounts with live conversations: from the partial index that holds exactly these.
SELECT DISTINCT account_id::text FROM conversations WHERE status IN ('open', 'bot', 'assigned', 'pending')
