-- Entries as they read without their customer. Their commands' keys, which clients choose, go as well.
-- $1 uuid[] conversations, $2 integer[] seqs, $3 text[] actor ids, $4 text[] data as JSON
UPDATE entries e SET actor_id = w.actor_id, command_key = NULL, data = w.data::jsonb
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[]) AS w (conversation_id, seq, actor_id, data)
WHERE e.conversation_id = w.conversation_id AND e.seq = w.seq
