-- Whether a record needs bytes. $1 uuid account, $2 text digest
SELECT EXISTS (SELECT FROM attachments WHERE account_id = $1 AND digest = $2)
