#!/bin/sh
# acpid calls this when the power button is pressed (a hypervisor's orderly shutdown).
poweroff
