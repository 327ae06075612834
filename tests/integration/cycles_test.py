"""An ID is made, used and destroyed, again and again; afterwards nothing is left of any of it: what the platform holds is what it held
before, and once it is down, so is what the machine holds."""
import contextlib
import os
import subprocess

import harness

CYCLES = 1000 if harness.LONG else 200
WARM_UP = 10


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def of_the_machine():
    """What instances take of a machine, by name, found without asking the platform."""
    found = {'mount ' + line.split()[1] for line in lines('cat', '/proc/self/mounts')}
    found |= {'link ' + line.split(':')[1].strip() for line in lines('ip', '-o', 'link')}
    found |= {'loop ' + line for line in lines('losetup', '--all', '--noheadings', '--output', 'NAME,BACK-FILE')}
    found |= {'cgroup ' + path for path, _, _ in os.walk('/sys/fs/cgroup')}
    found |= {'filter ' + line for line in lines('nft', 'list', 'tables')}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                found.add('network namespace ' + os.readlink(f'/proc/{entry}/ns/net'))
    return found


def of_the_platform(platform):
    """What the platform's process and its shim hold open."""
    held = {}
    for name, pid in (('platform', platform.process.pid), ('shim', platform.shim())):
        held[name + ' fds'] = len(os.listdir(f'/proc/{pid}/fd'))
        held[name + ' threads'] = len(os.listdir(f'/proc/{pid}/task'))
        held[name + ' children'] = len(lines('pgrep', '-P', str(pid))) if has_children(pid) else 0
    held['disks'] = len(os.listdir(os.path.join(platform.state, 'run', 'disks')))
    held['log folders'] = sum(len(folders) for _, folders, _ in os.walk(os.path.join(platform.state, 'logs', 'Sandbox')))
    return held


def has_children(pid):
    return subprocess.run(['pgrep', '-P', str(pid)], capture_output=True).returncode == 0


def cycle(platform, number):
    id = f'id{number}'
    status, body, _ = platform.request(f'/sandbox/{id}/use')
    assert status == 200, (status, body)
    platform.verb('destroy', f'Sandbox/{id}')


def main():
    harness.require_root()
    before = of_the_machine()
    config = harness.sandbox(instance_type={'vcpu': 0.0625, 'memory_mib': 64, 'disk_mb': 100})
    with harness.platform(config) as platform:
        platform.deploy()
        for number in range(WARM_UP):
            cycle(platform, number)
        # The pools are full again when nothing more is being made: then what is held is what is kept.
        settled = harness.eventually(lambda: steady(platform), 'the platform comes to rest')
        for number in range(WARM_UP, WARM_UP + CYCLES):
            cycle(platform, number)
        harness.eventually(lambda: of_the_platform(platform) == settled,
                           f'the platform holds what it held after the warm-up: {settled}, and not {of_the_platform(platform)}')
        platform.verb('down')
        assert sorted(os.listdir(platform.state)) == ['agent', 'images', 'lock', 'logs', 'server', 'shim'], os.listdir(platform.state)
    harness.eventually(lambda: of_the_machine() <= before, f'left behind: {of_the_machine() - before}')
    print(f'{CYCLES} cycles: {settled} after the warm-up and at the end; nothing is left on the machine')


def steady(platform):
    """What is held, once two looks in a row are alike."""
    first = of_the_platform(platform)
    for _ in range(20):
        platform.json('ps')
    return first if of_the_platform(platform) == first else None


main()
