-- An upload that failed. $1 uuid, $2 uuid account
DELETE FROM attachments WHERE id = $1 AND account_id = $2 AND status = 'pending' AND source IS NULL
