"""Calls through the generated client, and what must hold of every one of them.

`Caller.ask` calls one operation by its operationId and holds the answer to four things: the status is the expected one;
the body was parsed into the type that the document gives that status; writing that value down again gives what was
received, so that nothing was lost, renamed or left undescribed; and before that, the same call with a credential that
does not hold was refused with a typed 401.
"""

import datetime
import importlib
import itertools
import json
import pkgutil
import ssl

import plexsphere_client.api
from plexsphere_client import AuthenticatedClient
from plexsphere_client.models import PermissionDenied, Problem

BAD_TOKEN = "psk_prod_" + "a" * 52


def modules():
    """The generated module of each operation, by the lower-case letters of its name."""
    found = {}
    for package in pkgutil.iter_modules(plexsphere_client.api.__path__):
        parent = importlib.import_module(f"plexsphere_client.api.{package.name}")
        for module in pkgutil.iter_modules(parent.__path__):
            found[module.name.replace("_", "")] = importlib.import_module(f"{parent.__name__}.{module.name}")
    return found


class Site:
    """The server, and what was called so far."""

    def __init__(self, url, ca_file):
        self.url = url
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.modules = modules()
        self.addresses = itertools.count(1)
        self.succeeded = set()
        self.secured = {}

    def client(self, token):
        # Failed authentication is throttled by address; the server trusts this proxy to name one.
        number = next(self.addresses)
        return AuthenticatedClient(
            base_url=self.url,
            token=token,
            verify_ssl=self.tls,
            raise_on_unexpected_status=True,
            follow_redirects=False,
            headers={"X-Forwarded-For": f"10.9.{number >> 8 & 255}.{number & 255}"},
        )

    def caller(self, token):
        return Caller(self, token)

    def read_document(self, document):
        """Learns which operations want a credential."""
        for path in document["paths"].values():
            for operation in path.values():
                if isinstance(operation, dict) and "operationId" in operation:
                    security = operation.get("security", document.get("security", []))
                    self.secured[operation["operationId"]] = security not in ([], [{}])


class Caller:
    """Somebody with a token."""

    def __init__(self, site, token):
        self.site = site
        self.client = site.client(token)

    def ask(self, operation, status=200, /, **arguments):
        """Calls an operation that must answer this status; returns the parsed body."""
        if self.site.secured.get(operation, False) and status < 400:
            self.refused(operation, **arguments)
        answer = self.call(operation, self.client, arguments)
        assert answer.status_code == status, f"{operation}: {answer.status_code} {answer.content!r}"
        if status < 400:
            self.site.succeeded.add(operation)
        return check(operation, answer)

    def denied(self, operation, status, code, /, **arguments):
        """Calls an operation that must be refused with this status and code."""
        problem = self.ask(operation, status, **arguments)
        assert isinstance(problem, (Problem, PermissionDenied)), f"{operation}: {problem!r}"
        assert problem.code == code, f"{operation}: {problem.code}, not {code}"
        return problem

    def refused(self, operation, /, **arguments):
        """The same call with a credential that does not hold."""
        answer = self.call(operation, self.site.client(BAD_TOKEN), arguments)
        problem = check(operation, answer)
        assert answer.status_code == 401 and isinstance(problem, Problem), f"{operation}: {answer}"
        assert problem.code in ("unauthenticated", "unauthorized", "nsk_invalid"), f"{operation}: {problem.code}"

    def call(self, operation, client, arguments):
        module = self.site.modules[operation.replace("_", "").lower()]
        return module.sync_detailed(client=client, **arguments)


def check(operation, answer):
    """The parsed body, once it is typed and whole."""
    media_type = answer.headers.get("content-type", "").split(";")[0]
    if media_type not in ("application/json", "application/problem+json"):
        return answer.parsed
    received = json.loads(answer.content)
    assert answer.parsed is not None, f"{operation}: {answer.status_code} is not in the document"
    if answer.status_code >= 400 and answer.status_code != 503:
        assert answer.headers["x-correlation-id"] == answer.parsed.correlation_id, operation
    parsed = answer.parsed
    written = [item.to_dict() for item in parsed] if isinstance(parsed, list) else parsed.to_dict()
    compare(operation, "", received, written)
    for value in parsed if isinstance(parsed, list) else [parsed]:
        described(operation, value)
    return parsed


def compare(operation, where, received, written):
    """What was parsed says the same as what was received."""
    if isinstance(received, dict) and isinstance(written, dict):
        assert received.keys() == written.keys(), f"{operation} {where}: {received.keys() ^ written.keys()}"
        for name, value in received.items():
            compare(operation, f"{where}.{name}", value, written[name])
    elif isinstance(received, list) and isinstance(written, list):
        assert len(received) == len(written), f"{operation} {where}"
        for number, pair in enumerate(zip(received, written)):
            compare(operation, f"{where}[{number}]", *pair)
    elif received != written:
        assert moment(received) == moment(written), f"{operation} {where}: {received!r} became {written!r}"


def moment(text):
    return datetime.datetime.fromisoformat(text)


def described(operation, value):
    """No field arrived that the document does not have."""
    fields = [field.name for field in getattr(type(value), "__attrs_attrs__", ())]
    # A type of nothing but additional properties is one whose members are free.
    if fields and fields != ["additional_properties"]:
        extra = getattr(value, "additional_properties", {})
        assert not extra, f"{operation}: {type(value).__name__} does not describe {sorted(extra)}"
    for name in fields:
        inner = getattr(value, name)
        for part in inner if isinstance(inner, list) else [inner]:
            described(operation, part)
