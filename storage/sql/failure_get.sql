-- A payload that was set aside.
-- $1 uuid
SELECT {{columns}} FROM inbound_failures f WHERE f.id = $1
