-- $1 uuid account, $2 text digest
DELETE FROM attachment_garbage WHERE account_id = $1 AND digest = $2
