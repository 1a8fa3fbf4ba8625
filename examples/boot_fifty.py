"""Boot fifty machines at once on simulated hypervisors, with a progress bar.

python examples/boot_fifty.py                             # starts a cloud of its own, and stops it
ray job submit -- python examples/boot_fifty.py           # inside a cluster: joins the cloud that runs there
"""

import os

from rich.progress import Progress

from actors.cloud import Cloud

COUNT = 50

in_a_job = "RAY_JOB_ID" in os.environ or "RAY_ADDRESS" in os.environ
with Cloud.connect() if in_a_job else Cloud.embedded(hosts=10) as cloud, Progress() as progress:
    bar = progress.add_task("booting", total=COUNT)
    events = cloud.events(since=cloud.last_event())  # from here on, so that none is missed
    servers = cloud.boot_many([f"vm-{number}" for number in range(COUNT)])
    waiting = {server.id for server in servers}
    while waiting:
        event = next(events)
        if event.instance_id in waiting and event.event_type in ("instance.create.end", "instance.create.error"):
            waiting.remove(event.instance_id)
            progress.advance(bar)
    cloud.wait(servers)
    progress.console.print(f"{COUNT} servers on {len({server.view.host for server in servers})} hosts")
    cloud.delete(servers)
