"""The platform is killed with SIGKILL at random moments under load, again and again. Each time the same processes are adopted, exits in
between are known with their code, no output is lost, and never do two instances of one ID live at a time."""
import collections
import random
import sys
import threading

import harness
from instances import instances_of

ROUNDS = 200 if harness.LONG else 20
IDS = [f'id{n}' for n in range(6)]


class Load:
    """Clients that ask for all IDs, and now and then have one exit, until they are told to stop."""

    def __init__(self, platform, seed):
        self.platform = platform
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(random.Random(seed * 10 + n),)) for n in range(4)]
        for thread in self.threads:
            thread.start()

    def work(self, dice):
        while not self.stopping.is_set():
            path = '/exit?code=3' if dice.random() < 0.03 else '/work'
            try:
                self.platform.request(f'/sandbox/{dice.choice(IDS)}{path}', timeout=10)
            except (OSError, harness.http.client.HTTPException):
                pass  # The platform is being killed, or the container exits: both are the point.

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def one_round(platform, dice, seed):
    load = Load(platform, seed)
    load.stopping.wait(dice.uniform(0.05, 0.5))  # the moment of the kill is random
    platform.kill()
    load.stop()

    between = instances_of(platform.shim())
    for id, found in between.items():
        assert len(found) == 1, f'{id} has {len(found)} instances'
    code = dice.randrange(10, 100)
    leaving = dice.choice(sorted(between)) if between else None
    if leaving:
        between[leaving][0].request(f'/exit?code={code}')
        harness.eventually(lambda: leaving not in instances_of(platform.shim()), f'{leaving} exits')

    platform.start()
    adopted = 0
    for id, (before,) in between.items():
        if id == leaving:
            check_exit(platform, before, code)
            continue
        status = platform.status(f'Sandbox/{id}')
        if status['state'] != 'running':
            continue  # It was on its way up or down when the platform died, and goes on.
        answer = platform.request(f'/sandbox/{id}/still')
        assert answer[0] == 200, f'{id} answers {answer}'
        after = instances_of(platform.shim())[id][0]
        if after.generation == before.generation:
            assert after.identity() == before.identity(), f'{id} is another process now'
            adopted += 1
    return adopted


def check_exit(platform, instance, code):
    """An exit that nobody saw is known, unless the ID was already being stopped, or has been woken since."""
    def known():
        status = platform.status(f'Sandbox/{instance.id}')
        if status['generation'] != instance.generation or status['state'] in ('placing', 'starting'):
            return 'woken'
        return status['state'] == 'stopped' and status
    status = harness.eventually(known, f'the exit of {instance.id} is known')
    if status != 'woken':
        assert (status['stop_reason'], status['exit_code']) in (('exited', code), ('exited', 3)), status


def check_output(platform, id):
    """Each generation's beats are complete, and end before the next one's begin."""
    spans = collections.defaultdict(list)
    for line in platform.verb('logs', f'Sandbox/{id}').splitlines():
        words = line.split()
        if 'beat' not in words:
            continue
        _, beat_id, generation, at, number = words[words.index('beat'):]
        assert beat_id == id
        beats = spans[int(generation)]
        assert int(number) == len(beats), f'{id} generation {generation}: beat {len(beats)} is missing'
        beats.append(int(at))
    ordered = sorted(spans)
    for earlier, later in zip(ordered, ordered[1:]):
        assert spans[earlier][-1] < spans[later][0], f'{id}: generations {earlier} and {later} overlap'
    return len(ordered), sum(map(len, spans.values()))


def main():
    harness.require_root()
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    dice = random.Random(seed)
    config = harness.sandbox(env={'SANDBOX_BEAT': '1'}, max_instances=20, instance_type={'vcpu': 0.0625, 'memory_mib': 64, 'disk_mb': 100})
    with harness.platform(config, capacity='vcpu=16,memory_mib=8192,disk_mb=20000') as platform:
        platform.deploy()
        adopted = sum(one_round(platform, dice, seed * 1000 + n) for n in range(ROUNDS))
        for id in IDS:
            platform.run('stop', f'Sandbox/{id}')
        generations = beats = 0
        for id in IDS:
            counted = check_output(platform, id)
            generations += counted[0]
            beats += counted[1]
    assert adopted > 0, 'no instance was ever adopted: the test tests nothing'
    print(f'{ROUNDS} kills: {adopted} adoptions of the same process, {generations} generations without an overlap, '
          f'{beats} lines of output without a gap')


main()
