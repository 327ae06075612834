"""The platform is killed again and again at random moments while IDs are requested, stopped and made to exit.

Each time the next `up` on the folder must take over the very processes that ran, know how those ended that ended meanwhile, and
have every line that any of them wrote. And no ID may ever have two instances: each writes a numbered line with the boot time every
10 ms, and the intervals of two generations of an ID never overlap.
"""
import collections
import contextlib
import http.client
import json
import os
import random
import re
import threading
import time

import platform as harness
from platform import eventually

KILLS = 200 if harness.LONG else 20
IDS = [f'id-{number}' for number in range(6)]
SECONDS_MAX = 0.4  # of load before a kill
BEAT = re.compile(r'beat (\S+) (\d+) (\d+) (\d+)$')


class Load:
    """Threads that request, stop and end IDs until the platform is gone."""

    def __init__(self, platform, seed):
        self.platform = platform
        self.ending = set()  # IDs that were told to stop or exit: how they are found afterwards is open
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(work, random.Random(f'{seed} {number}')))
                        for number, work in enumerate([self.request, self.request, self.request, self.exit, self.stop])]
        for thread in self.threads:
            thread.start()

    def run(self, work, chance):
        while not self.over.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                work(chance)

    def request(self, chance):
        chosen = chance.choice(IDS)
        status, body, _ = self.platform.request(f'/sandbox/{chosen}/hello', timeout=5)
        if status == 200:
            assert json.loads(body)['id'] == chosen

    def exit(self, chance):
        chosen = chance.choice(IDS[:3])
        self.ending.add(chosen)
        self.platform.request(f'/sandbox/{chosen}/exit?code={chance.randint(1, 99)}', 'POST', timeout=5)
        self.over.wait(chance.uniform(0, 0.1))

    def stop(self, chance):
        chosen = chance.choice(IDS[1:4])
        self.ending.add(chosen)
        self.platform.run('stop', f'Sandbox/{chosen}')
        self.over.wait(chance.uniform(0, 0.2))

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()


def end_one_meanwhile(survivors, chance, ending):
    """While no platform runs, one instance that nobody told to end exits by itself."""
    calm = [key for key in survivors if key[0].split('/')[1] not in ending]
    if not calm:
        return None
    key = chance.choice(sorted(calm))
    code = chance.randint(100, 120)
    with contextlib.suppress(OSError, http.client.HTTPException):
        harness.ask(survivors[key].address() + ':8080', f'/exit?code={code}', 'POST')
    eventually(lambda: not survivors[key].alive(), f'{key} has ended')
    return key, code


def check_taken_over(platform, survivors, ending, ended):
    for key, process in survivors.items():
        address, generation = key
        name = address.split('/')[1]
        if name in ending or (ended and key == ended[0]):
            continue
        status = eventually(lambda: settled(platform, address), f'{address} is settled')
        assert (status['state'], status['generation']) == ('running', generation), (key, status)
        assert process.alive(), f'{key} did not outlive the platform'
        said = platform.hello(name)
        assert said['generation'] == generation, (key, said)
    if ended:
        (address, generation), code = ended
        status = platform.until_state(address, 'stopped')
        assert (status['generation'], status['stop_reason'], status['exit_code']) == (generation, 'exited', code), (ended, status)


def settled(platform, address):
    """Its status once it neither starts nor stops."""
    status = platform.status(address)
    return status if status['state'] in ('running', 'stopped') else None


def one_round(platform, number, chance):
    load = Load(platform, number)
    try:
        time.sleep(chance.uniform(0, SECONDS_MAX))
        platform.kill()
    finally:
        load.end()
    survivors = platform.instances()
    names = collections.Counter(address for address, _ in survivors)
    assert not names or max(names.values()) == 1, f'two instances of an ID: {sorted(survivors)}'
    ended = end_one_meanwhile(survivors, chance, load.ending)
    begin = time.monotonic()
    platform.start()
    took = time.monotonic() - begin
    check_taken_over(platform, survivors, load.ending, ended)
    return len(survivors), bool(ended), took


def check_logs(platform, name):
    """Every line is there; answers the codes that instances say they exited with, and the number of generations."""
    intervals = {}
    codes = {}
    last = collections.Counter()
    for line in platform.json_lines('logs', f'Sandbox/{name}'):
        generation = line['generation']
        beat = BEAT.match(line['text'])
        if beat:
            assert (beat[1], int(beat[2])) == (name, generation), line
            assert int(beat[4]) == last[generation] + 1, f'{name}: lines before are missing: {line}'
            assert generation not in codes, f'{name}: a line after the last: {line}'
            last[generation] += 1
            intervals.setdefault(generation, []).append(int(beat[3]))
        elif line['text'].startswith('exiting with '):
            codes[generation] = int(line['text'].split()[-1])
    end_before = 0
    for generation in sorted(intervals):
        times = intervals[generation]
        assert times[0] > end_before, f'{name}: generation {generation} began at {times[0]}, before the last ended at {end_before}'
        end_before = times[-1]
    return codes, len(intervals)


def check_history(platform):
    """What instances wrote about themselves agrees with what the platform says of them."""
    stops = {(event['id'], event['generation']): event['detail'] for event in platform.json_lines('events')
             if event['kind'] == 'stopped'}
    generations = 0
    for name in IDS:
        codes, count = check_logs(platform, name)
        generations += count
        for generation, code in codes.items():
            detail = eventually(lambda: stops.get((name, generation)), f'the stop of {name} generation {generation} is known')
            # Told to exit while it was being stopped, it is `requested`, with its own code all the same.
            assert f'code={code}' in detail.split(), (name, generation, code, detail)
    return generations


def a_killed_platform_takes_over_what_runs_and_knows_what_ended():
    chance = random.Random(int(os.environ.get('MERIDIAN_SEED', '1')))
    config = harness.sandbox(env={'SANDBOX_BEAT': '1'}, instance_type={'vcpu': 0.0625, 'memory_mib': 64, 'disk_mb': 100})
    with harness.platform(config) as platform:
        shim = platform.shim()
        rounds = [one_round(platform, number, chance) for number in range(KILLS)]
        assert platform.shim() == shim, 'the shim is another one'
        for name in IDS:
            platform.verb('stop', f'Sandbox/{name}')
        generations = check_history(platform)
    survivors = sum(survivors for survivors, _, _ in rounds)
    ended = sum(ended for _, ended, _ in rounds)
    slowest = max(took for _, _, took in rounds)
    print(f'{KILLS} kills, {generations} generations of {len(IDS)} IDs, {survivors} instances found running, {ended} ended meanwhile, '
          f'slowest restart {slowest * 1000:.0f} ms')
    assert survivors >= KILLS and ended >= KILLS // 2, 'the load was too light to prove anything'


harness.run_tests([a_killed_platform_takes_over_what_runs_and_knows_what_ended])
