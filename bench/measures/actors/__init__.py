"""What the processes behind the gateways cost: hosts, the journal, routing, start-up, memory."""
