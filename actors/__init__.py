"""Ray: conversation actors and their hosts, the gateways, and the handles between them."""
