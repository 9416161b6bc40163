-- Apply a provider's receipts; the deliveries that moved. See migration 0005.
-- $1 uuid account, $2 uuid channel; arrays: $3 text statuses, $4 text provider ids, $5 uuid message ids, $6 text recipients,
-- $7 bigint watermarks (ms), $8 text errors as JSON
SELECT {{columns}} FROM receive_receipts($1, $2, $3, $4, $5, $6, $7, $8) AS o
