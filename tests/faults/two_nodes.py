"""A Ray cluster of two nodes on this machine, for tests. Prints its address, then executes and confirms each line of stdin, and
ends with it.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 2, "object_store_memory": 100 * 1024 * 1024}


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    second = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    print("address", cluster.address, flush=True)
    orders = {
        "remove the second node": lambda: cluster.remove_node(second, allow_graceful=False),
        "kill the head's server": cluster.head_node.kill_gcs_server,
        "start the head's server": cluster.head_node.start_gcs_server,
    }
    for line in sys.stdin:
        orders[line.strip()]()
        print("done", line.strip(), flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
