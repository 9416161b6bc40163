-- Whether partitions may be moved to a host. Hosts of releases before this one only claim free partitions.
ALTER TABLE hosts ADD COLUMN takes boolean NOT NULL DEFAULT false;
