"""An ID is made, used and destroyed, again and again; afterwards nothing is left of any of it: what the platform holds is what it held
before, and once it is down, so is what the machine holds."""
import collections
import contextlib
import os
import re
import subprocess

import harness

CYCLES = 1000 if harness.LONG else 200
WARM_UP = 10     # then pools and libraries have all that they ever take
IDS = 50         # each is used again, as its next generation
EXEC_EVERY = 10
LOOKS_ALIKE = 20  # in a row, and the platform has come to rest
NAMESPACE = re.compile(r'(cgroup|ipc|mnt|net|pid|uts|user):\[\d+\]$')


def cycle(platform, number):
    id = f'id{number % IDS}'
    assert platform.answer(f'/sandbox/{id}/use')['generation'] == number // IDS + 1
    assert platform.request(f'/sandbox/{id}/use', method='POST', body=b'x' * 1000)[1] == b'x' * 1000
    if number % EXEC_EVERY == 0:
        assert platform.run('exec', f'Sandbox/{id}', '--', '/server', 'cat', input='in').stdout == 'in'
        assert 'serving' in platform.verb('logs', f'Sandbox/{id}')
    platform.verb('destroy', f'Sandbox/{id}')


# ---- what the platform holds

def of_the_platform(platform):
    """What the platform's process and its shim hold, counted by kind, and the files of the state folder."""
    held = collections.Counter()
    for name, pid in (('platform', platform.process.pid), ('shim', platform.shim())):
        held[name + ' threads'] = len(os.listdir(f'/proc/{pid}/task'))
        with open(f'/proc/{pid}/task/{pid}/children') as file:
            held[name + ' children'] = len(file.read().split())
        for target in links(f'/proc/{pid}/fd'):
            held[f'{name} fd ' + re.sub(r'\[\d+\]|/disks/\d+', '', target)] += 1
    for folder, folders, names in os.walk(platform.state):
        for entry in folders + names:
            # Disks are numbered on; their number is what must stay.
            path = os.path.join(folder, entry).removeprefix(platform.state)
            held['file ' + re.sub(r'/disks/\d+', '/disks/N', path)] += 1
    return held


def at_rest(platform):
    """What is held once it no longer changes: pools are filled, and what was destroyed is removed, in the background."""
    last, alike = of_the_platform(platform), 0

    def is_alike():
        nonlocal last, alike
        now = of_the_platform(platform)
        last, alike = now, alike + 1 if now == last else 0
        return alike == LOOKS_ALIKE
    harness.eventually(is_alike, 'the platform comes to rest')
    return last


def expect_no_more(platform, settled):
    """What is held comes back to what was: pools fill and empty in the background, so only what stays is a leak."""
    def held_as_before():
        held = of_the_platform(platform)
        more.clear()
        more.update(held - settled)
        return held if not more else None
    more = collections.Counter()
    try:
        return harness.eventually(held_as_before, 'the platform holds what it held')
    except AssertionError as error:
        raise AssertionError(f'more than before: {dict(more)}') from error


# ---- what the machine holds

def links(folder):
    with contextlib.suppress(OSError):
        for entry in os.listdir(folder):
            with contextlib.suppress(OSError):
                yield os.readlink(os.path.join(folder, entry))


def namespaces():
    """Of every process, and those that are kept by a descriptor alone."""
    return {target for entry in os.listdir('/proc') if entry.isdigit() for folder in ('ns', 'fd')
            for target in links(f'/proc/{entry}/{folder}') if NAMESPACE.match(target)}


def lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def of_the_machine():
    """What instances take of a machine, by name, found without asking the platform."""
    with open('/proc/self/mounts') as file:
        found = {'mount ' + line.split()[1] for line in file}
    found |= {'link ' + name for name in os.listdir('/sys/class/net')}
    found |= {'loop ' + line for line in lines('losetup', '--all', '--noheadings', '--output', 'NAME,BACK-FILE')}
    found |= {'cgroup ' + path for path, _, _ in os.walk('/sys/fs/cgroup')}
    found |= {'filter ' + line for line in lines('nft', 'list', 'tables')} if has_nft() else set()
    return found | namespaces()


def has_nft():
    return any(os.access(os.path.join(folder, 'nft'), os.X_OK) for folder in os.get_exec_path())


def expect_nothing_left(before):
    """Other programs come and go meanwhile: only what stays is left behind."""
    left = of_the_machine() - before

    def gone():
        nonlocal left
        left &= of_the_machine()
        return not left
    try:
        harness.eventually(gone, 'the machine is as before')
    except AssertionError as error:
        raise AssertionError(f'left behind: {sorted(left)}') from error


def main():
    harness.require_root()
    before = of_the_machine()
    config = harness.sandbox(instance_type={'vcpu': 0.0625, 'memory_mib': 64, 'disk_mb': 100})
    with harness.platform(config) as platform:
        platform.deploy()
        for number in range(WARM_UP):
            cycle(platform, number)
        settled = at_rest(platform)
        for number in range(WARM_UP, WARM_UP + CYCLES):
            cycle(platform, number)
        held = expect_no_more(platform, settled)
        assert platform.traces(), 'nothing of a platform could be seen here'
        platform.verb('down')
        assert platform.process.wait(harness.DEADLINE) == 0
        assert not platform.traces(), platform.traces()
        assert sorted(os.listdir(platform.state)) == ['agent', 'images', 'lock', 'logs', 'server', 'shim'], os.listdir(platform.state)
    expect_nothing_left(before)
    fds = sum(count for name, count in held.items() if name.startswith('platform fd '))
    print(f'{CYCLES} cycles: the platform holds {fds} descriptors and {held["platform threads"]} threads, as after the warm-up; '
          'nothing is left on the machine')


main()
