-- Every host, with how many partitions it owns.
SELECT h.name, h.incarnation::text, h.beats, h.draining, count(p.id)::integer
FROM hosts h LEFT JOIN partitions p ON p.owner = h.incarnation GROUP BY h.name
