-- See the function. $1 uuid account, $2 text digest
SELECT lock_attachment_bytes($1, $2)
