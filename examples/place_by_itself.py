"""Use the placement library by itself: no Ray, no cloud, no clock.

    python examples/place_by_itself.py

The same decisions by file: python -m placement decide < records.jsonl > answers.jsonl
"""

from random import Random

from placement import PROFILES, Fleet, HostState, NoHost, Placer, Request, Shape, Stock, explain, resources_of

fleet = Fleet()
for number in range(3):
    stocks = (Stock("VCPU", 16, allocation_ratio=4.0), Stock("MEMORY_MB", 4096), Stock("DISK_GB", 100))
    fleet.upsert(HostState(f"host-{number}", stocks))

shape = Shape(resources_of(vcpus=2, ram_mib=1536, disk_gib=10))
placer = Placer(fleet, PROFILES["spread"])
random = Random(1)

for name in ("a", "b", "c", "d", "e", "f", "g"):
    request = Request(name, shape)
    scores = {scored.host: round(scored.total, 3) for scored in explain(fleet, request, placer.profile).best}
    answer = placer.place_one(request, random)  # claims the host's resources at once
    if isinstance(answer, NoHost):
        print(f"{name}: no host; removed {answer.reasons}; nearest {', '.join(answer.nearest)}")
    else:
        print(f"{name}: {answer.host}, of {scores}")
