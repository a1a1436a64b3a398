"""Writes jobs of 20 minions into a master's cache, by the code that the master itself uses."""

import os
import sys

import salt.config
import salt.returners.local_cache as cache
import salt.utils.jid

config, size = sys.argv[1], int(sys.argv[2])
cache.__opts__ = salt.config.master_config(config)
# A master makes this when it starts, and runners need it.
os.makedirs(os.path.join(cache.__opts__["cachedir"], "proc"))
minions = [f"node-{number:02}" for number in range(20)]
for number in range(size):
    # Ids are times; these are one second apart.
    jid = f"202601{1 + number // 86400:02}{number // 3600 % 24:02}{number // 60 % 60:02}{number % 60:02}000000"
    job = {"jid": jid, "fun": "cmd.run"}
    asked = {"arg": ["echo hi"], "tgt": "*", "tgt_type": "glob", "user": "root", "ret": ""}
    result = {"fun_args": ["echo hi"], "return": "hi", "retcode": 0, "success": True}
    cache.prep_jid(passed_jid=jid)
    cache.save_load(jid, job | asked, minions=minions)
    # Only the last is looked up; of the others one return each is enough.
    for minion in minions if number + 1 == size else minions[:1]:
        cache.returner(job | result | {"id": minion})
print(jid)
