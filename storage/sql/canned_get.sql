-- One canned response.
-- $1 uuid
SELECT {{columns}} FROM canned_responses WHERE id = $1
