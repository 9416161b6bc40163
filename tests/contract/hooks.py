"""What schemathesis needs to know about this API: failures that a schema cannot prevent, and existing objects.

Schemathesis imports it (`SCHEMATHESIS_HOOKS`). `CONTRACT_OBJECTS` in the environment names a JSON file: `account`, the account whose
token calls, and `ids`, beginning of a path → the id of an object that is there.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.core import NotSet

BEYOND_SCHEMAS: Final = {
    r"is not a next_cursor of a page": "cursors are opaque: only those that a page gave are valid",
    r"must come before `to`|at most 92 days|not before 1970": "a period's begin and end, in relation",
    r"must differ from start": "an opening hour's begin and end, in relation",
    r"a day begins at 00:00": "begin and end of an hour share a pattern; 24:00 is an end",
    r"is not a team of this account|is not a user that this account knows|there is no such attachment": "names an object that must be there",
    r"give exactly one of agent_id, team_id": "either of two nullable fields; a schema of it makes clients' types unusable",
    r"must be a phone number with its country code": "numbering plans; and the type of channel is another field",
    r"is not an e-mail address|must be an e-mail address": "mail systems take less than RFC 5322 allows",
    r"unknown field; \w+ has": "which credentials there are depends on the type of channel",
    r"no such IANA time zone": "the time zone database, which changes",
    r"files of type \S+ are not accepted": "the bytes of a file decide what it is",
    r"is not a zip archive that can be read": "the bytes of a file decide what it is",
    r"must be /v1/attachments/": "an uploaded file, or an address that the server may call",
    r"of the years 1971 to 9000": "formats have no range of years",
    r"must fit 64 bits": "numbers anywhere in a free-form object",
    r"Expected `int`, got `float`": "JSON Schema takes 1.0 for an integer",
    r"must not contain NUL": "no text may; a pattern on each would hide the other rules",
    r"1–255 printable characters": "Unicode's categories",
    r"only for a message to the customer on an e-mail channel": "the type of the conversation's channel",
    r"is not a field of the channel's forms": "each channel has its own form",
    r"required for a \w+ rule": "which conditions a rule needs depends on what triggers it",
}
"""Messages about data that matches its schema → why a schema cannot express the rule."""
DEMO_ACCOUNT: Final = "00000000-0000-0000-0000-000000000001"
EXAMPLE_ID: Final = "0190a5f0-7c1e-7d3a-9b52-3f6f0c1e5a07"
NOWHERE: Final = "https://127.0.0.1:9/"
"""Takes the place of every URL that a request asks the server to call: no test calls strangers."""


def _objects() -> dict[str, Any]:
    return json.loads(Path(os.environ["CONTRACT_OBJECTS"]).read_text())


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Whether a failure counts."""
    if type(failure).__name__ == "RejectedPositiveData" and response.status_code in (415, 422):
        return not any(re.search(pattern, response.text) for pattern in BEYOND_SCHEMAS)
    if type(failure).__name__ == "IgnoredAuth" and case.operation.path.startswith("/crm/"):
        # X-Tenant-Id names whom it proves: one that is not an id at all is malformed, as the CRM's document says
        return "got `400 Bad Request`" not in failure.message
    if response.status_code == 405 and case.operation.path == "/v1/agents/{user_id}":
        return case.path_parameters["user_id"] != "me"  # another path: nobody removes themself
    if type(failure).__name__ == "AcceptedNegativeData" and response.status_code == 414:
        return False  # refused before anything of it is read
    if type(failure).__name__ == "AcceptedNegativeData" and isinstance(case.body, NotSet):
        # meant to break the body's schema, it sends none: right where a body is optional
        return case.operation.definition.raw.get("requestBody", {}).get("required", False)
    return True


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Name objects of the account in the examples of paths."""
    objects = _objects()
    for path, methods in raw_schema["paths"].items():
        known = [id for place, id in objects["ids"].items() if path.startswith(place + "/{")]
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if known and parameter.get("in") == "path" and parameter.get("example") == EXAMPLE_ID:
                    parameter["example"] = known[0]
                if parameter.get("example") == DEMO_ACCOUNT:
                    parameter["example"] = objects["account"]
    for parameter in raw_schema["components"]["parameters"].values():
        parameter["example"] = objects["account"]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    case.body = _harmless(case.body)


def _harmless(value: Any) -> Any:
    """A body without addresses of other hosts."""
    if isinstance(value, dict):
        return {key: _harmless(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_harmless(each) for each in value]
    if isinstance(value, str):
        return re.sub(r"https?://.*", NOWHERE, value)
    return value
