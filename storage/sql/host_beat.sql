-- A sign of life. No row: a newer incarnation has taken the name.
-- $1 name, $2 incarnation, $3 draining
UPDATE hosts SET beats = beats + 1, draining = $3, updated_at = now() WHERE name = $1 AND incarnation = $2
RETURNING beats
