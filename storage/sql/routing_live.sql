-- An account's live conversations. $1 uuid account
SELECT {{columns}} FROM conversations c WHERE c.account_id = $1::text::uuid AND c.status IN ('open', 'bot', 'assigned', 'pending')
