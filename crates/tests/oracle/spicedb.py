"""A real SpiceDB that answers checks and look-ups, as an oracle for the relation engine.

Reads one JSON object from each line of stdin and writes one to stdout, in the same order:

    {"schema": "definition user {} …",
     "relationships": ["project:p1#viewer@user:u1", "project:p1#viewer@user:u2[office_hours:{\"start\": 9}]"],
     "checks": [{"resource": "project:p1", "permission": "view", "subject": "user:u1", "context": {"hour": 10}}],
     "lookup_resources": [{"resource_type": "project", "permission": "view", "subject": "user:u1", "context": {}}],
     "lookup_subjects": [{"resource": "project:p1", "permission": "view", "subject_type": "user", "context": {}}]}

    {"checks": ["yes"], "lookup_resources": [[["p1", "yes"]]], "lookup_subjects": [[["u1", "yes"], ["u2", "conditional"]]]}

Answers are `yes`, `no` and `conditional` (context is missing). What SpiceDB refuses to check, such as a name that the
schema does not have, is `error: …` for that check alone; what it refuses as a whole is `{"error": "…"}`. Without
`schema`, and without `relationships`, those of the line before stay. A look-up's pairs are in the order of their ids.

Unary calls go through the library's own functions, streams over the socket that it opens. `PLEX_SPICEDB` is the library.
"""

import ctypes
import json
import os
import sys

import grpc
from authzed.api.v1 import (
    CheckBulkPermissionsRequest,
    CheckBulkPermissionsRequestItem,
    CheckBulkPermissionsResponse,
    CheckPermissionResponse,
    Consistency,
    ContextualizedCaveat,
    DeleteRelationshipsRequest,
    DeleteRelationshipsResponse,
    LookupResourcesRequest,
    LookupSubjectsRequest,
    ObjectReference,
    PermissionsServiceStub,
    Relationship,
    RelationshipFilter,
    RelationshipUpdate,
    SubjectReference,
    WriteRelationshipsRequest,
    WriteRelationshipsResponse,
    WriteSchemaRequest,
    WriteSchemaResponse,
)
from google.protobuf.struct_pb2 import Struct

# SpiceDB's own bounds of one call.
UPDATES = 1000
CHECKS = 10000

FRESH = Consistency(fully_consistent=True)
WORDS = {
    CheckPermissionResponse.PERMISSIONSHIP_HAS_PERMISSION: "yes",
    CheckPermissionResponse.PERMISSIONSHIP_NO_PERMISSION: "no",
    CheckPermissionResponse.PERMISSIONSHIP_CONDITIONAL_PERMISSION: "conditional",
}
# Look-ups number the same words in their own way; they never say no.
FOUND = {1: "yes", 2: "conditional"}


class Refused(Exception):
    """What SpiceDB says against a request."""


class Library:
    """The shared library: a server with nothing in it, called with protobuf messages."""

    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.spicedb_start.restype = ctypes.c_void_p
        self.library.spicedb_free.argtypes = [ctypes.c_void_p]
        self.library.spicedb_free_bytes.argtypes = [ctypes.c_void_p]
        self.library.spicedb_dispose.argtypes = [ctypes.c_ulonglong]
        self.library.spicedb_dispose.restype = ctypes.c_void_p
        started = json.loads(self.text(self.library.spicedb_start(None)))
        if not started["success"]:
            raise Refused(started)
        self.handle = started["data"]["handle"]
        self.address = started["data"]["streaming_address"]

    def text(self, pointer):
        """The text that the library made, which is freed."""
        text = ctypes.string_at(pointer).decode()
        self.library.spicedb_free(pointer)
        return text

    def call(self, name, request, response):
        sent = request.SerializeToString()
        received, length, error = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_void_p()
        function = getattr(self.library, f"spicedb_{name}")
        function(
            ctypes.c_ulonglong(self.handle),
            ctypes.c_char_p(sent),
            ctypes.c_int(len(sent)),
            ctypes.byref(received),
            ctypes.byref(length),
            ctypes.byref(error),
        )
        if error.value:
            raise Refused(self.text(error.value))
        if received.value:
            response.ParseFromString(ctypes.string_at(received.value, length.value))
            self.library.spicedb_free_bytes(received.value)
        return response

    def dispose(self):
        self.text(self.library.spicedb_dispose(self.handle))


def reference(text):
    kind, _, name = text.partition(":")
    return ObjectReference(object_type=kind, object_id=name)


def subject(text):
    name, _, relation = text.partition("#")
    return SubjectReference(object=reference(name), optional_relation=relation)


def struct(value):
    made = Struct()
    made.update(value or {})
    return made


def relationship(text):
    """`resource#relation@subject`, then perhaps `[caveat]` or `[caveat:{…}]`."""
    caveat = None
    if text.endswith("]"):
        text, _, inner = text[:-1].partition("[")
        name, _, context = inner.partition(":")
        caveat = ContextualizedCaveat(caveat_name=name, context=struct(json.loads(context or "{}")))
    left, _, right = text.partition("@")
    resource, _, relation = left.partition("#")
    return Relationship(
        resource=reference(resource), relation=relation, subject=subject(right), optional_caveat=caveat
    )


def portions(values, size):
    for start in range(0, len(values), size):
        yield values[start : start + size]


class Oracle:
    def __init__(self, path):
        self.path = path
        self.library = None
        self.schema = None
        self.begin(None)

    def begin(self, schema):
        """A server of its own for each schema, because relationships can keep an old one from going away."""
        if self.library is not None:
            self.streams.close()
            self.library.dispose()
        self.library = Library(self.path)
        self.streams = grpc.insecure_channel(f"unix:{self.library.address}")
        self.permissions = PermissionsServiceStub(self.streams)
        self.kinds = set()
        self.schema = schema
        if schema is not None:
            self.library.call("schema_write_schema", WriteSchemaRequest(schema=schema), WriteSchemaResponse())

    def answer(self, line):
        if line.get("schema") not in (None, self.schema):
            self.begin(line["schema"])
        if "relationships" in line:
            self.replace([relationship(text) for text in line["relationships"]])
        return {
            "checks": self.checks(line.get("checks", [])),
            "lookup_resources": [self.resources(wanted) for wanted in line.get("lookup_resources", [])],
            "lookup_subjects": [self.subjects(wanted) for wanted in line.get("lookup_subjects", [])],
        }

    def replace(self, relationships):
        for kind in self.kinds:
            request = DeleteRelationshipsRequest(relationship_filter=RelationshipFilter(resource_type=kind))
            self.library.call("permissions_delete_relationships", request, DeleteRelationshipsResponse())
        self.kinds = {one.resource.object_type for one in relationships}
        for portion in portions(relationships, UPDATES):
            updates = [
                RelationshipUpdate(operation=RelationshipUpdate.OPERATION_TOUCH, relationship=one) for one in portion
            ]
            request = WriteRelationshipsRequest(updates=updates)
            self.library.call("permissions_write_relationships", request, WriteRelationshipsResponse())

    def checks(self, wanted):
        answers = []
        for portion in portions(wanted, CHECKS):
            items = [
                CheckBulkPermissionsRequestItem(
                    resource=reference(check["resource"]),
                    permission=check["permission"],
                    subject=subject(check["subject"]),
                    context=struct(check.get("context")),
                )
                for check in portion
            ]
            request = CheckBulkPermissionsRequest(consistency=FRESH, items=items)
            response = self.library.call(
                "permissions_check_bulk_permissions", request, CheckBulkPermissionsResponse()
            )
            # One pair for each item, in their order.
            for pair in response.pairs:
                if pair.HasField("error"):
                    answers.append(f"error: {pair.error.message}")
                else:
                    answers.append(WORDS[pair.item.permissionship])
        return answers

    def resources(self, wanted):
        request = LookupResourcesRequest(
            consistency=FRESH,
            resource_object_type=wanted["resource_type"],
            permission=wanted["permission"],
            subject=subject(wanted["subject"]),
            context=struct(wanted.get("context")),
        )
        found = self.permissions.LookupResources(request)
        return sorted([one.resource_object_id, FOUND[one.permissionship]] for one in found)

    def subjects(self, wanted):
        kind, _, relation = wanted["subject_type"].partition("#")
        request = LookupSubjectsRequest(
            consistency=FRESH,
            resource=reference(wanted["resource"]),
            permission=wanted["permission"],
            subject_object_type=kind,
            optional_subject_relation=relation,
            context=struct(wanted.get("context")),
        )
        found = self.permissions.LookupSubjects(request)
        return sorted([one.subject.subject_object_id, FOUND[one.subject.permissionship]] for one in found)


def main():
    # The library writes its log to stdout, too; answers keep the true one for themselves.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    oracle = Oracle(os.environ["PLEX_SPICEDB"])
    for text in sys.stdin:
        try:
            answer = oracle.answer(json.loads(text))
        except Refused as error:
            answer = {"error": str(error)}
        except grpc.RpcError as error:
            answer = {"error": error.details()}
        print(json.dumps(answer), file=answers, flush=True)
    # The library's threads have nothing left to say.
    os._exit(0)


main()
