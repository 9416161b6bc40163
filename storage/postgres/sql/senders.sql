-- Queries of senders: each starts with a line `-- name:` and is described by the comment below it.


-- name: senders_resolve
-- The threads of some senders, in order; what is new of them is noted. See 0006_inbound.sql.
-- $1 text: JSON array of sender_wanted
SELECT resolve_senders($1::text::jsonb)
