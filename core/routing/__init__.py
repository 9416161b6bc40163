"""Routing: which agent gets which conversation. Pure: time is passed in, and effects are returned as values.

In reading order:
- `facts`: agents, waiting conversations, needs, the policy, and `order`, the queue's order (priority with ageing)
- `policy`: from an account's settings to its policy
- `messages`: the events a desk handles, and its effects
- `desk`: one account, event by event. `board`: where its conversations are, and the moves between these places
- `queue`: positions, and the first conversation that fits. `agents`, `sorted_agents`: all agents as sets of bits, in order of choice
- `rules`: which agent a conversation gets, and which conversation a free agent; `alternatives/` has others than the server's own
- `explain`: the record of a decision, and how to replay it
- `rates`: estimated waits. `alarms`: what is due when
- `journal`: the record of a desk's inputs, which reproduces its decisions
- `supervision_messages`: what gateways and supervisors exchange
"""
