-- The entries that repeated command keys stand for.
-- $1 uuid[] conversations, $2 text[] keys
SELECT e.command_key, {{columns}} FROM unnest($1::uuid[], $2::text[]) AS w (id, key)
JOIN entries e ON e.conversation_id = w.id AND e.command_key = w.key
