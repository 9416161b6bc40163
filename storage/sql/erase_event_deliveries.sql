-- Deliveries as they read without their customer; what receivers answered may repeat his words, and goes.
-- $1 uuid conversation, $2 text[] places of events, as the last two parts of their ids say them, $3 bytea[] payloads
UPDATE event_deliveries d SET payload = w.payload, response_excerpt = NULL
FROM unnest($2::text[], $3::bytea[]) AS w (place, payload)
WHERE d.conversation_id = $1 AND split_part(d.event_id, '_', 3) || '_' || split_part(d.event_id, '_', 4) = w.place
