-- The last part was taken by the provider.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 integer part, $5 text provider id or null, $6 bigint: when
-- its request left (ms)
SELECT {{columns}} FROM outbox_sent($1, $2, $3, $4, $5, $6) AS o
