#!/usr/bin/env python3
"""Verifies an exported segment of an audit chain: verify_audit.py FILE [FIRST_SEQ]

Needs nothing but Python 3. The rules are those of audit.md; nothing here is shared with plexctl. Prints one line;
exit 0 when the segment is what it was, 1 when it is not, 2 for a wrong call. FIRST_SEQ is the entry with which the
file must begin.
"""
import base64
import hashlib
import json
import sys

NIL = "00000000-0000-0000-0000-000000000000"
MEMBERS = ["v", "seq", "chain", "occurred_at", "reason", "subject_pseudonym", "relation", "object_type", "object_id",
           "result", "caveats", "correlation_id", "ip", "user_agent", "count", "details"]


def once(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is given twice")
    return members


def agrees(told, entry):
    """Whether the entry shows what its bytes tell. Times, too, are compared as text: an export has them as the bytes do."""
    decision, context = entry["decision"], entry["request_context"]
    chain = None if entry["domain_id"] == NIL else entry["domain_id"]
    shown = [1, entry["seq"], chain, entry["occurred_at"], entry["reason"], entry["subject"]["pseudonym"],
             entry["relation"], entry["object"]["type"], entry["object"]["id"], decision["result"],
             decision["caveat_context"], entry["correlation_id"], context.get("ip"), context.get("user_agent"),
             entry["count"], entry.get("details")]
    # As text, for to Python 1, 1.0 and true are equal.
    one, other = (json.dumps(values, sort_keys=True) for values in (list(told.values()), shown))
    return list(told) == MEMBERS and one == other


def verify(lines, first=None):
    """Returns (first seq, last seq, last hash) or raises ValueError with the line and the entry at fault."""
    chain, expected, before = None, first, None
    for number, line in enumerate(lines, 1):
        try:
            exported = json.loads(line, object_pairs_hook=once)
            entry, proof = exported["entry"], exported["proof"]
            canonical = base64.b64decode(proof["canonical_bytes"], validate=True)
            prev, own = bytes.fromhex(proof["prev_hash"]), bytes.fromhex(proof["entry_hash"])
            seq = entry["seq"]
            if type(seq) is not int or len(prev) != 32:
                raise ValueError("has no place, or hangs on no hash")
            if number == 1:
                first = expected = seq if expected is None else expected
                chain, before = entry["domain_id"], bytes(32) if first == 1 else prev
            if seq != expected:
                raise ValueError("is missing")
            if own != hashlib.sha256(prev + hashlib.sha256(canonical).digest()).digest():
                raise ValueError("was altered")
            told = json.loads(canonical, object_pairs_hook=once)
            if prev != before:
                # Whole in itself, so it tells which entry is at fault: see "Which entry is named" in audit.md.
                fault = told["seq"] if told["seq"] < seq else seq - 1 if told["seq"] == seq else seq
                expected = max(first, fault)
                raise ValueError("does not belong where it stands, or was altered")
            hashes = [(part["prev_hash"], part["entry_hash"]) for part in (entry, proof)]
            if not agrees(told, entry) or entry["domain_id"] != chain or hashes != [(prev.hex(), own.hex())] * 2:
                raise ValueError("shows something other than its hashed bytes say")
            before, expected = own, expected + 1
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            seq = expected if expected is not None else "?"
            at = number if expected is None else expected - first + 1
            raise ValueError(f"line {at}: entry {seq}: {error}") from None
    if expected is None or expected == first:
        raise ValueError("there is no entry")
    return first, expected - 1, before.hex()


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    with open(arguments[0], "rb") as lines:
        try:
            first, last, last_hash = verify(lines, int(arguments[1]) if len(arguments) == 2 else None)
        except ValueError as error:
            print(f"divergent: {error}")
            return 1
    given = "" if first == 1 else f"; what entry {first} hangs on is taken as given"
    print(f"ok: entries {first} to {last}, last hash {last_hash}{given}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
