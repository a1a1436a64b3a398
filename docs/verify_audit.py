#!/usr/bin/env python3
"""Verifies an exported segment of an audit chain by the rules of audit.md: verify_audit.py FILE [FIRST_SEQ]

Needs nothing but Python 3, and shares nothing with plexctl. FIRST_SEQ is the entry with which the file must begin.
Exit 0: the segment is what it was; 1: it is not; 2: a wrong call."""
import base64, hashlib, json, sys

def once(pairs):
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a member is given twice")
    return dict(pairs)

def canonical_bytes(entry):
    """What an entry shows, as it is hashed."""
    domain, decision, client = entry["domain_id"], entry["decision"], entry["request_context"]
    members = dict(
        v=1, seq=entry["seq"], chain=None if domain == "00000000-0000-0000-0000-000000000000" else domain,
        occurred_at=entry["occurred_at"], reason=entry["reason"], subject_pseudonym=entry["subject"]["pseudonym"],
        relation=entry["relation"], object_type=entry["object"]["type"], object_id=entry["object"]["id"],
        result=decision["result"], caveats=decision["caveat_context"], correlation_id=entry["correlation_id"],
        ip=client.get("ip"), user_agent=client.get("user_agent"), count=entry["count"], details=entry.get("details"))
    return json.dumps(members, separators=(",", ":"), ensure_ascii=False).encode()

def verify(lines, first=None):
    """Returns (first seq, last seq, last hash) or raises ValueError with the line and the entry at fault."""
    chain, expected, before = None, first, None
    try:
        for line in lines:
            entry, proof = map(json.loads(line, object_pairs_hook=once).get, ("entry", "proof"))
            seq, canonical = entry["seq"], base64.b64decode(proof["canonical_bytes"], validate=True)
            prev, own = bytes.fromhex(proof["prev_hash"]), bytes.fromhex(proof["entry_hash"])
            if type(seq) is not int or seq < 1 or len(prev) != 32:
                raise ValueError("has no place, or hangs on no hash")
            if before is None:
                first = expected = expected or seq
                chain, before = entry["domain_id"], bytes(32) if first == 1 else prev
            if seq != expected:
                raise ValueError("is missing")
            if own != hashlib.sha256(prev + hashlib.sha256(canonical).digest()).digest():
                raise ValueError("was altered")
            if prev != before:  # Whole in itself, so it tells which entry is at fault: "Which entry is named" in audit.md.
                told = json.loads(canonical)["seq"]
                expected = max(first, told if told < seq else seq - 1 if told == seq else seq)
                raise ValueError("does not belong where it stands, or was altered")
            hashes = [part[name] for part in (entry, proof) for name in ("prev_hash", "entry_hash")]
            if (canonical, entry["domain_id"], hashes) != (canonical_bytes(entry), chain, [prev.hex(), own.hex()] * 2):
                raise ValueError("shows something other than its hashed bytes say")
            before, expected = own, expected + 1
        if before is None:
            raise ValueError("there is no entry")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        at, seq = (expected - first + 1, expected) if expected else (1, "?")
        raise ValueError(f"line {at}: entry {seq}: {error}") from None
    return first, expected - 1, before.hex()

if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(print(__doc__, file=sys.stderr) or 2)
    try:
        with open(sys.argv[1], "rb") as file:
            begin, end, last_hash = verify(file, *map(int, sys.argv[2:]))
    except ValueError as failure:
        sys.exit(print(f"divergent: {failure}") or 1)
    given = f"; what entry {begin} hangs on is taken as given" if begin > 1 else ""
    print(f"ok: entries {begin} to {end}, last hash {last_hash}{given}")
