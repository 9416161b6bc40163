"""A turn that kills its process, in every Python process that has this folder on its path: that of a message which says
`TERTULIA_TEST_POISON`'s value. What a bug in a parser, or a text that no parser of ours ends with, does to a host.

Each death leaves a line in the file `TERTULIA_TEST_DEATHS`: the process's id and the message.
"""

import importlib.abc
import importlib.util
import os
import signal
import sys

_poison, _deaths = os.environ.get("TERTULIA_TEST_POISON"), os.environ.get("TERTULIA_TEST_DEATHS")


def _deadly(turn):
    def deadly(actor, turning):
        post = turning.envelope.post
        if post is not None and _poison in post.content:
            with open(_deaths, "a") as file:
                file.write(f"{os.getpid()} {post.content}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return turn(actor, turning)

    return deadly


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "tertulia.actors.host.conversation_actor":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def patched(module):
            execute(module)
            module.ConversationActor.turn = _deadly(module.ConversationActor.turn)

        spec.loader.exec_module = patched
        return spec


if _poison and _deaths:
    sys.meta_path.insert(0, _Finder())
