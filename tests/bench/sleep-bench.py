"""What an ID that sleeps costs: anonymous memory of the platform's process after 100 IDs have slept, and after many more."""
import concurrent.futures

import bench

FEW = 100
MANY = 10_000 if bench.harness.LONG else 500
CLIENTS = 32
WAVE = 200   # started, then asleep, before the next: not more containers at once than a small machine carries


def anonymous_mib(pid):
    with open(f'/proc/{pid}/status') as file:
        for line in file:
            if line.startswith('RssAnon:'):
                return int(line.split()[1]) / 1024
    raise AssertionError('no RssAnon')


def put_to_sleep(platform, numbers):
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda number: bench.first_byte_ms(platform.address, f'/sandbox/sleeper-{number}/'), numbers))
    bench.harness.eventually(lambda: platform.json('ps') == [], 'all sleep', seconds=120)


def main():
    chosen = bench.options(__doc__)
    with bench.platform(sleep_after='500ms', stop_grace='100ms') as platform:
        platform.deploy()
        put_to_sleep(platform, range(FEW))
        few = anonymous_mib(platform.process.pid)
        for begin in range(FEW, MANY, WAVE):
            put_to_sleep(platform, range(begin, min(begin + WAVE, MANY)))
        many = anonymous_mib(platform.process.pid)
    bench.report(chosen, 'sleep', {f'RssAnon after {FEW} slept, MiB': round(few, 2), f'RssAnon after {MANY} slept, MiB': round(many, 2),
                                   'more, MiB': round(many - few, 2)})


main()
