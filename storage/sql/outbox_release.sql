-- Queue claimed messages again of which their claimer knows nothing (any more).
-- $1 uuid incarnation, $2 uuid[] conversations, $3 integer[] seqs
UPDATE outbox o SET status = 'queued', claimed_by = NULL, uncertain = uncertain + 1, next_attempt_at = now(), updated_at = now(),
  error = '{"code": "outcome_unknown", "detail": "the claim was lost on its way"}'
FROM unnest($2::uuid[], $3::integer[]) AS w (conversation_id, seq)
WHERE o.conversation_id = w.conversation_id AND o.seq = w.seq AND o.status = 'sending' AND o.claimed_by = $1
