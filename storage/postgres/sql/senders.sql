-- Customers as providers name them (delivery/senders.py).


-- name: senders_resolve
-- The threads of senders, in order. New senders, names and metadata are stored. See resolve_senders in schema.sql.
-- $1 text JSON array of sender_wanted
SELECT resolve_senders($1::text::jsonb)
