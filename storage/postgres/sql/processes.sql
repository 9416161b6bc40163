-- The server's processes, the nodes to be drained (conversations/processes.py), and who serves (exclusive_session.py).


-- name: process_register
-- Announce a new incarnation of a process. Rows of processes that ended long ago are removed.
-- $1 name, $2 kind, $3 incarnation, $4 node, $5 address, $6 pid, $7 release, $8 settings, $9 metrics_port
WITH removed AS (DELETE FROM processes WHERE updated_at < now() - interval '1 day' AND name <> $1)
INSERT INTO processes (name, kind, incarnation, node, address, pid, release, settings, metrics_port)
VALUES ($1, $2, $3::text::uuid, $4, $5, $6, $7, $8, $9)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, incarnation = excluded.incarnation, node = excluded.node,
  address = excluded.address, pid = excluded.pid, release = excluded.release, settings = excluded.settings,
  metrics_port = excluded.metrics_port,
  beats = processes.beats + 1, draining = false, started_at = now(), updated_at = now()


-- name: process_beat
-- A process's heartbeat. Returns whether its node is to be drained; no row if a newer incarnation has taken the name.
-- $1 name, $2 incarnation, $3 draining
UPDATE processes p SET beats = beats + 1, draining = $3, updated_at = now()
WHERE name = $1 AND incarnation = $2::text::uuid
RETURNING EXISTS (SELECT FROM drained_nodes d WHERE d.node = p.node)


-- name: process_list
-- Every process, with the seconds since its last heartbeat by the database's clock.
SELECT name, kind, incarnation::text, node, address, pid, release, settings, metrics_port, beats, draining,
  extract(epoch FROM now() - updated_at)::float8
FROM processes ORDER BY kind, name


-- name: process_remove
-- A process has ended for good.
-- $1 name, $2 incarnation
DELETE FROM processes WHERE name = $1 AND incarnation = $2::text::uuid


-- name: node_drain
-- Let no process start on a node.
-- $1 node
INSERT INTO drained_nodes (node) VALUES ($1) ON CONFLICT DO NOTHING


-- name: node_undrain
-- Let processes start on a node again.
-- $1 node
DELETE FROM drained_nodes WHERE node = $1


-- name: lock_holder
-- The application name of the session that holds an advisory lock.
-- $1 bigint the lock, below 2**32
SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.classid = 0 AND l.objid = $1::bigint::oid
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
