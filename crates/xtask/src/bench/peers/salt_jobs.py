"""Writes jobs of 20 minions into a master's cache, by the code that the master itself uses."""

import sys

import salt.config
import salt.returners.local_cache as cache
import salt.utils.jid

config, size = sys.argv[1], int(sys.argv[2])
cache.__opts__ = salt.config.master_config(config)
minions = [f"node-{number:02}" for number in range(20)]
for number in range(size):
    # Ids are times; these are one second apart.
    jid = f"202601{1 + number // 86400:02}{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}000000"
    cache.prep_jid(passed_jid=jid)
    load = {"jid": jid, "fun": "cmd.run", "arg": ["echo hi"], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
    cache.save_load(jid, load, minions=minions)
    for minion in minions[: 20 if number + 1 == size else 1]:
        result = {"jid": jid, "id": minion, "fun": "cmd.run", "fun_args": ["echo hi"], "return": "hi", "retcode": 0, "success": True}
        cache.returner(result)
print(jid)
