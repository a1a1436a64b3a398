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
    "PostAuthSignIn": "succeeds with an identity provider only; the suite browser signs in at one",
    "GetAuthCallback": "is where an identity provider sends browsers; so does the suite browser",
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
        unknown = sorted(set(operations) - set(site.secured))
        print(f"{function.__name__}: {', '.join(operations)}", file=sys.stderr)
        if unknown:
            # An older server's document. That nothing it has is left out is looked at below.
            print(f"{function.__name__}: left out, this server has no {', '.join(unknown)}", file=sys.stderr)
        else:
            function(world)
    missing = sorted(set(site.secured) - site.succeeded - set(LEFT_OUT))
    if missing:
        sys.exit(f"never called with success: {missing}")
    print(f"{len(site.succeeded)} operations of {len(site.secured)}")


main()
