"""What schemathesis must know about one run: ids that exist, objects that the run itself stands on, and addresses.

The suite tells it through the environment:

PLEX_KNOWN  a JSON object of names and ids that exist, such as {"project_id": "...", "node_id": "..."}
PLEX_KEEP   a JSON array of ids that must outlive the run: the caller's own token, node and grants
PLEX_BEARER the caller's own credential, if any
PLEX_EXPENDABLE  other tokens of the caller's, which may be ended
PLEX_TALLY  a file that gets, for each operation, how often each status was answered
"""

import atexit
import base64
import datetime
import hashlib
import itertools
import json
import os
import re
import uuid

import requests
import schemathesis
from schemathesis.openapi.checks import AuthScenario

KNOWN = json.loads(os.environ["PLEX_KNOWN"])
BEARER = os.environ.get("PLEX_BEARER", "")
EXPENDABLE = os.environ.get("PLEX_EXPENDABLE", "").split()
KEEP = set(json.loads(os.environ["PLEX_KEEP"]))
TALLY = {}

# What `{id}` is, by the path before it.
OWNERS = {
    "/v1/nodes": "node_id",
    "/v1/domains": "domain_id",
    "/v1/projects": "project_id",
    "/v1/auth/tokens": "token_id",
    "/v1/authz/relation-tuples": "relation_tuple_id",
    "/v1/objects/{kind}": "node_id",
    "/v1/projects/{project_id}/bootstrap-tokens": "bootstrap_token_id",
    "/v1/label-definitions": "label_definition_id",
    "/v1/groups": "group_id",
}

# What ends something: whoever sends this with a kept id would saw off the branch that the run sits on.
ENDING_WORDS = ("revoke", "rotate", "erase", "/key")


def ends(method, path):
    if method == "PATCH":
        # Another relation in place of the caller's own.
        return "relation-tuples" in path
    return method == "DELETE" or any(word in path for word in ENDING_WORDS)


# Values that say more than their schema can: what such a value looks like where it is well-formed, and one that works.
WELL_FORMED = {
    "client_now": (r"\d{4}-.*", lambda: datetime.datetime.now(datetime.timezone.utc).isoformat()),
    "binary_checksum": (r".{44}", lambda: base64.b64encode(bytes(32)).decode()),
    "public_key": (r".{44}", lambda: base64.b64encode(bytes(range(32))).decode()),
    "action": (r"[a-z0-9][a-z0-9._-]{0,127}", lambda: "probe"),
    "selector": (r".{1,256}", lambda: "env=prod"),
    "subject": (r".{1,256}", lambda: f"user:{KNOWN['identity_id']}"),
    "resource": (r".{1,256}", lambda: f"project:{KNOWN['project_id']}"),
    "relation": (r".{1,256}", lambda: "viewer"),
    "resource_type": (r".{1,256}", lambda: "project"),
    "subject_type": (r".{1,256}", lambda: "user"),
}

# An id that nothing has.
NOWHERE = "01900000-0000-7000-8000-000000000000"


def is_id(value):
    try:
        return uuid.UUID(str(value)).int != 0
    except ValueError:
        return False


def mostly(*values):
    """True for three of four values; always the same for the same value, so that a run can be repeated."""
    return hashlib.sha256(repr(values).encode()).digest()[0] % 4 != 0


def known(path, name):
    """The id that exists under this name of a parameter, if any."""
    if name == "id":
        name = OWNERS.get(path.split("/{id}")[0], name)
    return KNOWN.get(name)


def with_known(path, values):
    """Ids made up become ids that exist, mostly; what is no id stays, because it is there to be refused."""
    if not isinstance(values, dict):
        return values
    replaced = dict(values)
    for name, value in values.items():
        there = known(path, name)
        if there is not None and is_id(value) and mostly(path, name, value):
            replaced[name] = there
    return replaced


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return with_known(context.operation.path, path_parameters)


@schemathesis.hook
def map_query(context, query):
    return with_known(context.operation.path, query)


@schemathesis.hook
def map_body(context, body):
    body = with_known(context.operation.path, body)
    if not isinstance(body, dict):
        return body
    mapped = {}
    for name, value in body.items():
        pattern, working = WELL_FORMED.get(name, ("", None))
        fits = working and isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL)
        mapped[name] = working() if fits and mostly(name, value) else value
    # Of two that exclude each other, one.
    if context.operation.path.endswith("/dispatch") and {"selector", "node_id"} <= mapped.keys():
        mapped.pop("selector" if mostly(mapped["selector"]) else "node_id")
    return mapped


addresses = itertools.count(1)


def send_otherwise(adapter, request, **kwargs):
    """Failed authentication is throttled by address, and here thousands fail on purpose: each request comes from an
    address of its own, through a proxy that the server trusts. This is done below schemathesis, which takes a case
    with a header too many for another case than the one it made."""
    number = next(addresses)
    # Logging out ends the very token that it comes with: another one than the run's own.
    if request.path_url.startswith("/v1/auth/logout") and request.headers.get("Authorization") == f"Bearer {BEARER}":
        request.headers["Authorization"] = f"Bearer {EXPENDABLE.pop() if EXPENDABLE else 'none'}"
    request.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


requests.adapters.HTTPAdapter.add_headers = send_otherwise


@schemathesis.hook
def before_call(context, case, kwargs):
    path, values = case.operation.path, case.path_parameters or {}
    # What a request is about is the last name in its path.
    name = path[path.rfind("{") + 1 : path.rfind("}")]
    if ends(case.method.upper(), path) and str(values.get(name)) in KEEP:
        values[name] = NOWHERE


def is_null_for_absent(failure, case):
    """A member that is null where the document has it absent: the server takes the two alike."""
    if type(failure).__name__ != "AcceptedNegativeData" or not isinstance(case.body, dict):
        return False
    if "became null)" in failure.message:
        return True
    named = re.search(r"in body - (\w+): Incorrect type", failure.message)
    return named is not None and case.body.get(named[1], "") is None


@schemathesis.hook
def filter_failure(context, failure, case, response):
    if is_null_for_absent(failure, case):
        return False
    # Where a cookie or a bearer will do, a made-up cookie is tried beside the bearer that the run came with, which holds.
    # That no credential, or a wrong one, lets anybody in is a scenario of its own, and stays.
    if type(failure).__name__ != "IgnoredAuth" or failure.scenario != AuthScenario.GENERATED_AUTH:
        return True
    return not BEARER or response.request.headers.get("Authorization") != f"Bearer {BEARER}"


@schemathesis.hook
def after_call(context, case, response):
    label = case.operation.definition.raw.get("operationId", case.operation.label)
    statuses = TALLY.setdefault(label, {})
    statuses[str(response.status_code)] = statuses.get(str(response.status_code), 0) + 1


@atexit.register
def write_tally():
    with open(os.environ["PLEX_TALLY"], "w", encoding="utf-8") as file:
        json.dump(TALLY, file, indent=1, sort_keys=True)
