"""Everything that goes over the network: requests, the account's feed, agents' connections, the provider double."""
