"""Drives every operation of a real server with the client that was generated from its own document.

PLEX_URL, PLEX_CA and PLEX_TOKEN say where and as whom; PLEX_DOMAIN and PLEX_PROJECT what there is.
"""

import os
import sys
import types
import uuid

import calls
import harness

# Operations that this client cannot call, and why.
LEFT_OUT = {
    "GetNodeEvents": "the stream has no end, and the generated client waits for it; e2e and schemathesis read it",
}


def main():
    site = harness.Site(os.environ["PLEX_URL"], os.environ["PLEX_CA"])
    world = types.SimpleNamespace(
        site=site,
        anybody=site.caller("none"),
        admin=site.caller(os.environ["PLEX_TOKEN"]),
        domain=uuid.UUID(os.environ["PLEX_DOMAIN"]),
        project=uuid.UUID(os.environ["PLEX_PROJECT"]),
    )
    document = world.anybody.ask("GetOpenAPI").to_dict()
    site.read_document(document)
    for operations, function in calls.CALLS:
        print(f"{function.__name__}: {', '.join(operations)}", file=sys.stderr)
        function(world)
    missing = sorted(set(site.secured) - site.succeeded - set(LEFT_OUT))
    gone = sorted((set(LEFT_OUT) | {name for names, _ in calls.CALLS for name in names}) - set(site.secured))
    if missing or gone:
        sys.exit(f"never called with success: {missing}; called, but not in the document: {gone}")
    print(f"{len(site.succeeded)} operations of {len(site.secured)}")


main()
