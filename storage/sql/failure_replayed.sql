-- Note a replay: what could still not be taken in (JSON), or that all of it was.
-- $1 uuid, $2 text faults as JSON, $3 boolean whether all was taken in
UPDATE inbound_failures f SET faults = CASE WHEN $3 THEN f.faults ELSE $2::text::jsonb END,
  replayed_at = CASE WHEN $3 THEN now() ELSE f.replayed_at END
WHERE f.id = $1 RETURNING {{columns}}
