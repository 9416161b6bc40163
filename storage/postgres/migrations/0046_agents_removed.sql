-- Admins may remove agents: their preferences and memberships go with them.

GRANT DELETE ON agents TO tertulia_app;
