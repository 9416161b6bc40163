"""The ports: what the server needs of storage and the network, as protocols, one area a module.

A port states its guarantee and imports no implementation. The records it uses stand with their rooms.
"""
