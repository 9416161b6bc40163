-- Feed positions of entries, in the order asked; those that do not exist are left out.
-- $1 uuid[] conversations, $2 integer[] seqs
SELECT e.position FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS w (id, seq, ord)
JOIN entries e ON e.conversation_id = w.id AND e.seq = w.seq ORDER BY w.ord
