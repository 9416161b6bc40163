"""The ports: what the server needs from storage and the network, as protocols, one area per module.

A port states its guarantee and imports no implementation. The records that it uses are defined in their rooms.
"""
