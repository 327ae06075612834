"""Many IDs started cold at once: starts a second, and none may fail."""
import concurrent.futures
import time

import bench

CLIENTS = 48


def main():
    chosen = bench.options(__doc__)
    starts = 50 if chosen.short else 500
    with bench.platform() as platform:
        platform.deploy()
        bench.first_byte_ms(platform.address, '/sandbox/first/')
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            jobs = [clients.submit(bench.first_byte_ms, platform.address, f'/sandbox/burst-{number}/') for number in range(starts)]
        seconds = time.monotonic() - begin
        failed = [job.exception() for job in jobs if job.exception()]
        times = [job.result() for job in jobs if not job.exception()]
        launches = [each['started_ms'] - each['accepted_ms'] for each in bench.running_events(platform).values()]
    bench.report(chosen, 'burst', {
        'starts': starts, 'clients': CLIENTS, 'failed': len(failed), 'starts a second': round(starts / seconds, 1),
        'request to first byte, median ms': bench.median(times), 'request to first byte, max ms': round(max(times), 1),
        'accepted to started, median ms': bench.median(launches)})
    assert not failed, failed[0]


main()
