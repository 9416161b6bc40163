"""Routing: who gets which conversation. Pure: time is passed in, and what is to be done comes out as values.

In the order of reading:
- `facts`: agents, waiting conversations, needs, the policy, and `order`, the queue's order (priority with ageing)
- `policy`: the policy that an account's settings make
- `eligibility`: the rules for one agent and one conversation
- `messages`: the events a desk is told, the effects it wants
- `desk`: one account; what each event means. `floor`: the places of conversations and the moves between them
- `queue`: positions, and the first that fits. `agents`, `ranking`: all agents as sets of bits, in order of choice
- `explain`: the record of a decision, and deciding again from it
- `rates`: estimated waits. `alarms`: what will be due
"""
