"""Boot one machine and run a command in it over ssh.

python examples/boot_one.py                               # joins the cloud that `novaray up` started
ray job submit -- python examples/boot_one.py             # the same as a Ray job
"""

import subprocess
import tempfile
import time
from pathlib import Path

from actors.cloud import Cloud

with tempfile.TemporaryDirectory() as folder, Cloud.connect() as cloud:
    key = Path(folder) / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public_key = key.with_suffix(".pub").read_text().strip()

    server = cloud.run("hello", public_key=public_key, security_groups=("ssh-and-web",))
    print(f"{server.name} is {server.status} on {server.view.host}, address {server.address}")

    host, port = server.forward(22)  # a relay into the guest's network
    ssh = ["ssh", "-i", key, "-p", str(port), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    for _ in range(60):  # the guest is running; its ssh server comes a few seconds later
        answer = subprocess.run([*ssh, "-o", "LogLevel=ERROR", f"root@{host}", "uname -a; ip addr"], check=False)
        if answer.returncode == 0:
            break
        time.sleep(1)

    for line in server.story():
        print(f"{line.took_ms:9.1f} ms  {line.step:16} {line.flow}")
    server.delete()
