"""The explorer: states a second of each world, and the largest bound of events that is searched whole within ten minutes (--short:
two seconds). Usage: explore-bench.py MERIDIAN_SIM [--short] [--json]"""
import argparse
import json
import os
import subprocess

WITHIN = 600            # seconds
WITHIN_SHORT = 2
MEMORY = 6000           # MiB
EVENTS_MAX = 12


def explore(sim, world, events, within):
    done = subprocess.run([sim, 'explore', world, '--events', str(events), '--seconds', str(within), '--memory', str(MEMORY), '--json'],
                          capture_output=True, text=True, timeout=within + 60)
    found = json.loads(done.stdout)
    assert found['violations'] == 0, found
    return found


def measure(sim, world, within):
    whole, last = None, None
    for events in range(EVENTS_MAX + 1):
        last = explore(sim, world, events, within)
        if not last['complete']:
            break
        whole = {'largest_events': events, 'states': last['states'], 'depth': last['depth'], 'seconds': round(last['seconds'], 2)}
    assert whole is not None, last
    # Of the longest search, also when it was cut short.
    return {**whole, 'states_per_second': round(last['states_per_second']), 'cut_short_at_events': None if last['complete'] else events,
            'cut_short_states': None if last['complete'] else last['states']}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('sim')
    parser.add_argument('--short', action='store_true', help='shows that it works, not how fast it is')
    parser.add_argument('--json', action='store_true')
    chosen = parser.parse_args()
    within = WITHIN_SHORT if chosen.short else WITHIN
    found = {world: measure(chosen.sim, world, within) for world in ['id', 'transfer']}
    load = os.getloadavg()[0]
    if chosen.json:
        print(json.dumps({'bench': 'explore', 'load_1min': load, 'within_seconds': within, **found}))
        return
    print(f'explore, each search within {within} s (load of the machine in the last minute: {load:.1f})')
    for world, numbers in found.items():
        for name, value in numbers.items():
            print(f'  {world + " " + name:34} {value}')


main()
