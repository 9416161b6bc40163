-- Settling a commit of unknown outcome (conversations/journal.py). The commit itself is the function commit_batch:
-- docs/commit-batch.md.


-- name: find_positions
-- Feed positions of entries, in the order asked. Entries that do not exist are left out.
-- $1 uuid[] conversations, $2 integer[] seqs
SELECT e.position FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS w (id, seq, ord)
JOIN entries e ON e.conversation_id = w.id AND e.seq = w.seq ORDER BY w.ord


-- name: raise_epochs
-- Raise the epochs of partitions that still have the epoch this host knows. Waits for commits under way, and fences off
-- later ones.
-- $1 integer[] partitions, $2 bigint[] epochs
UPDATE partitions p SET epoch = p.epoch + 1
FROM unnest($1::integer[], $2::bigint[]) AS w (id, epoch) WHERE p.id = w.id AND p.epoch = w.epoch
RETURNING p.id, p.epoch
