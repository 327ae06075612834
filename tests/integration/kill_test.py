"""The platform is killed with SIGKILL at random moments under load, again and again. Each time the same processes are adopted, exits in
between are known with their code, no output is lost, and never do two instances of one ID live at a time."""
import collections
import contextlib
import http.client
import json
import random
import re
import sys
import threading

import harness
from instances import instances_of

ROUNDS = 200 if harness.LONG else 20
ASKERS = 8 if harness.LONG else 3
IDS = [f'id{n}' for n in range(6)]
BEAT = re.compile(r'beat (\S+) (\d+) (\d+) (\d+)$')


class Load:
    """Clients that ask for all IDs, and some that have half of the IDs exit or stop, until the platform is gone."""

    def __init__(self, platform, seed):
        self.platform = platform
        self.leaving = set()  # IDs that were told to exit or stop: what becomes of them is open
        self.shown = collections.Counter()  # the highest generation of each ID that an answer has shown
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(act, random.Random(f'{seed} {n}')))
                        for n, act in enumerate([self.ask] * ASKERS + [self.exit, self.stop])]
        for thread in self.threads:
            thread.start()

    def work(self, act, dice):
        while not self.stopping.is_set():
            # The platform is being killed, or the container exits: both are the point.
            with contextlib.suppress(OSError, http.client.HTTPException):
                act(dice)

    def ask(self, dice):
        id = dice.choice(IDS)
        status, body, _ = self.platform.request(f'/sandbox/{id}/work', timeout=5)
        if status == 200:
            self.shown[id] = max(self.shown[id], json.loads(body)['generation'])

    def exit(self, dice):
        id = dice.choice(IDS[:2])
        self.leaving.add(id)
        self.platform.request(f'/sandbox/{id}/exit?code={dice.randrange(1, 50)}', method='POST', timeout=5)
        self.stopping.wait(dice.uniform(0, 0.1))

    def stop(self, dice):
        id = dice.choice(IDS[1:3])
        self.leaving.add(id)
        self.platform.run('stop', f'Sandbox/{id}')
        self.stopping.wait(dice.uniform(0, 0.2))

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def one_round(platform, dice, seed):
    """How many instances were adopted, and whether one exited while no platform ran."""
    load = Load(platform, seed)
    try:
        load.stopping.wait(dice.uniform(0, 0.5))  # the moment of the kill is random
        platform.kill()
    finally:
        load.end()
    between = instances_of(platform.shim())
    for id, found in between.items():
        assert len(found) == 1, f'{id} has {len(found)} instances'
    stayed = {id: instance for id, (instance,) in between.items() if id not in load.leaving}
    gone, code = None, dice.randrange(50, 100)
    if stayed:
        gone = stayed.pop(dice.choice(sorted(stayed)))
        gone.request(f'/exit?code={code}')
        harness.eventually(lambda: gone.id not in instances_of(platform.shim()), f'{gone.id} exits')

    platform.start()
    for id, generation in load.shown.items():
        assert platform.status(f'Sandbox/{id}')['generation'] >= generation, f'{id}: what an answer has shown is undone'
    for id, before in stayed.items():
        status = platform.when(f'Sandbox/{id}', 'running')
        assert status['generation'] == before.generation, (id, before.generation, status)
        assert platform.answer(f'/sandbox/{id}/still')['generation'] == before.generation
        assert instances_of(platform.shim())[id][0].identity() == before.identity(), f'{id} is another process now'
    if gone:
        status = platform.when(f'Sandbox/{gone.id}', 'stopped')
        assert (status['generation'], status['stop_reason'], status['exit_code']) == (gone.generation, 'exited', code), status
    return len(stayed), bool(gone)


def check_output(platform, id):
    """Each generation's beats are complete and end before the next one's begin. The exit codes that they wrote, and the beats."""
    codes = {}
    spans = collections.defaultdict(list)
    for line in platform.json_lines('logs', f'Sandbox/{id}'):
        generation, beat = line['generation'], BEAT.match(line['text'])
        assert generation not in codes, f'{id}: a line after the last one: {line}'
        if beat:
            assert (beat[1], int(beat[2])) == (id, generation), line
            assert int(beat[4]) == len(spans[generation]), f'{id} generation {generation}: beat {len(spans[generation])} is missing'
            spans[generation].append(int(beat[3]))
        elif line['text'].startswith('exiting with '):
            codes[generation] = int(line['text'].split()[-1])
    ordered = sorted(spans)
    for earlier, later in zip(ordered, ordered[1:]):
        assert spans[earlier][-1] < spans[later][0], f'{id}: generations {earlier} and {later} overlap'
    return codes, {generation: len(beats) for generation, beats in spans.items()}


def check_history(platform):
    """What instances wrote of themselves is what the platform says of them. Counts generations and lines."""
    generations = lines = 0
    for id in IDS:
        codes, beats = check_output(platform, id)
        stops = {event['generation']: event['detail'].split() for event in platform.events(f'Sandbox/{id}', 'stopped')}
        for generation, code in codes.items():
            # Who is told to exit while it is being stopped is `requested`, with its own code all the same.
            assert f'code={code}' in stops.get(generation, []), (id, generation, code, stops.get(generation))
        assert set(beats) <= set(stops), f'{id}: {set(beats) - set(stops)} lived, and nobody knows how they ended'
        generations += len(beats)
        lines += sum(beats.values())
    return generations, lines


def main():
    harness.require_root()
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    dice = random.Random(seed)
    config = harness.sandbox(env={'SANDBOX_BEAT': '1'}, max_instances=20, instance_type={'vcpu': 0.0625, 'memory_mib': 64, 'disk_mb': 100})
    with harness.platform(config, capacity='vcpu=16,memory_mib=8192,disk_mb=20000') as platform:
        platform.deploy()
        shim = platform.shim()
        rounds = [one_round(platform, dice, seed * 1000 + n) for n in range(ROUNDS)]
        assert platform.shim() == shim, 'the shim is another one'
        for id in IDS:
            platform.verb('stop', f'Sandbox/{id}')
        generations, lines = check_history(platform)
    adopted = sum(adopted for adopted, _ in rounds)
    gone = sum(gone for _, gone in rounds)
    assert adopted >= ROUNDS and gone >= ROUNDS // 2, f'{adopted} adopted, {gone} gone: too little to prove anything'
    print(f'{ROUNDS} kills: {adopted} adoptions of the same process, {gone} exits in between, {generations} generations without an '
          f'overlap, {lines} lines of output without a gap')


main()
