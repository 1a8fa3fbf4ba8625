"""Follow the events of a boot as they happen, then show its timeline.

python examples/follow_events.py
ray job submit -- python examples/follow_events.py
"""

from actors.cloud import Cloud

with Cloud.connect() as cloud:
    events = cloud.events(since=cloud.last_event(), timeout_s=60)
    server = cloud.boot("followed", security_groups=("ssh-and-web",))
    for event in events:
        if event.instance_id != server.id:
            continue
        print(f"{event.sequence:6} {event.event_type:24} {event.payload['state']:10} {event.payload['ip_addresses']}")
        if event.event_type in ("instance.create.end", "instance.create.error"):
            break
    for line in server.story():
        print(f"{line.took_ms:9.1f} ms  {line.step:16} rows {line.flow:14} {line.note}")
    server.delete()
