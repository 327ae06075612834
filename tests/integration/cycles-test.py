"""Instances are made, used and destroyed over and over; then everything they took from the machine is exactly back.

Two measures: what the platform and its shim hold, after ten cycles and after all; and what the machine has, before the first `up`
and after the last `down`. Other programs come and go meanwhile: what is left over must stay left over to count.
"""
import collections
import contextlib
import json
import os
import re

import platform as harness
from platform import eventually

CYCLES = 1000 if harness.LONG else 200
WARM_UP = 10  # cycles after which pools and libraries have all that they ever take
EXEC_EVERY = 10
IDS = 40


def cycle(platform, number):
    name = f'id-{number % IDS}'
    path = f'/sandbox/{name}/hello'
    assert platform.hello(name)['generation'] == number // IDS + 1
    assert platform.request(path, 'POST', 'x' * 1000)[1] == b'x' * 1000
    if number % EXEC_EVERY == 0:
        assert platform.run('exec', f'Sandbox/{name}', '--', '/server', 'cat', input='in').stdout == 'in'
        assert 'serving' in platform.verb('logs', f'Sandbox/{name}')
    platform.verb('destroy', f'Sandbox/{name}')


def descriptors(pid):
    """What a process holds, counted by kind."""
    kinds = collections.Counter()
    for entry in os.listdir(f'/proc/{pid}/fd'):
        with contextlib.suppress(OSError):
            target = os.readlink(f'/proc/{pid}/fd/{entry}')
            kinds[re.sub(r'\[\d+\]|/\d+|loop\d+', '', target)] += 1
    return kinds


def held(platform):
    """What the platform and its shim hold, in descriptors, threads and files, when nothing lives and the pools are full."""
    found = {}
    for role, pid in (('platform', platform.process.pid), ('shim', platform.shim())):
        found[f'{role} descriptors'] = descriptors(pid)
        found[f'{role} threads'] = len(os.listdir(f'/proc/{pid}/task'))
        found[f'{role} children'] = len(harness.children(pid))
    files = [os.path.join(folder, name) for folder, folders, names in os.walk(platform.state) for name in folders + names]
    # Disks are numbered on; those of the pool are there in the same number.
    found['files'] = collections.Counter(re.sub(r'/disks/\d+', '/disks/N', file.removeprefix(platform.state)) for file in files)
    return found


def settled(platform):
    """What is held once it no longer changes: pools fill and what was destroyed is removed in the background."""
    last = held(platform)
    repeated = 0

    def same():
        nonlocal last, repeated
        now = held(platform)
        repeated = repeated + 1 if now == last else 0
        last = now
        return repeated == 20
    eventually(same, 'what the platform holds no longer changes')
    return last


def differences(before, after):
    return {what: (before[what], after[what]) for what in before if before[what] != after[what]}


def namespaces():
    """Of every process, and those that are held by a descriptor or a mount."""
    found = set()
    for pid in harness.processes():
        for folder in ('ns', 'fd'):
            with contextlib.suppress(OSError):
                for entry in os.listdir(f'/proc/{pid}/{folder}'):
                    with contextlib.suppress(OSError):
                        target = os.readlink(f'/proc/{pid}/{folder}/{entry}')
                        if re.match(r'(net|mnt|pid|uts|ipc|cgroup|user):\[', target):
                            found.add(target)
    return found


def cgroups():
    return {folder for folder, _, _ in os.walk('/sys/fs/cgroup') if folder != '/sys/fs/cgroup'}


def loop_devices():
    """Bound ones with what they are bound to; an unbound one is free for anybody."""
    found = set()
    for entry in os.listdir('/sys/block'):
        with contextlib.suppress(OSError), open(f'/sys/block/{entry}/loop/backing_file') as file:
            found.add(f'loop {file.read().strip()}')
    return found


def machine():
    """Everything on this machine that instances are made of, by name."""
    with open('/proc/self/mountinfo') as file:
        mounts = {f'mount {line.split()[4]}' for line in file}
    links = {f'link {name}' for name in os.listdir('/sys/class/net')}
    return namespaces() | cgroups() | loop_devices() | mounts | links


def what_instances_took_is_back_after_many_cycles():
    before = machine()
    with harness.platform(harness.sandbox()) as platform:
        for number in range(WARM_UP):
            cycle(platform, number)
        early = settled(platform)
        for number in range(WARM_UP, CYCLES):
            cycle(platform, number)
        late = settled(platform)
        assert early == late, json.dumps(differences(early, late), indent=1)
        assert platform.shim() and {name for name in machine() if platform.state in name}, 'nothing would be seen here'
        platform.verb('down')
        assert platform.wait() == 0
        assert not platform.shim()
    left = machine() - before

    def gone():
        nonlocal left
        left &= machine()
        return not left
    eventually(gone, lambda: f'the machine is as before; left: {sorted(left)}')
    print(f'{CYCLES} cycles; the platform holds {sum(late["platform descriptors"].values())} descriptors and '
          f'{late["platform threads"]} threads with full pools')


harness.run_tests([what_instances_took_is_back_after_many_cycles])
