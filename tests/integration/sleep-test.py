"""Going to sleep and waking, with requests that come at the worst moments."""
import concurrent.futures
import random
import threading
import time

import platform as harness
from platform import eventually, sandbox

CALLERS = 100
SECONDS = 30 if harness.LONG else 4


def an_idle_instance_sleeps_and_the_next_request_wakes_it():
    with harness.platform(sandbox(sleep_after='200ms')) as platform:
        assert platform.hello('alice')['generation'] == 1
        alice = platform.until_state('Sandbox/alice', 'stopped')
        assert (alice['stop_reason'], alice['exit_code'], alice['machine']) == ('idle', 0, None), alice
        assert not platform.instances()
        assert platform.hello('alice')['generation'] == 2


def a_request_in_flight_keeps_it_awake():
    with harness.platform(sandbox(sleep_after='200ms')) as platform:
        assert platform.request('/sandbox/alice/sleep?ms=1500')[0] == 200
        assert platform.status('Sandbox/alice')['generation'] == 1


def a_hundred_concurrent_requests_wake_an_id_once():
    with harness.platform(sandbox()) as platform:
        together = threading.Barrier(CALLERS)

        def call(_):
            together.wait()
            return platform.hello('alice')['generation']
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            generations = list(pool.map(call, range(CALLERS)))
        assert generations == [1] * CALLERS, generations
        assert [event['kind'] for event in platform.json_lines('events')] == ['placing', 'starting', 'running']


def no_request_is_lost_between_going_to_sleep_and_asleep():
    with harness.platform(sandbox(sleep_after='100ms')) as platform:
        over = time.monotonic() + SECONDS

        def call(number):
            chance = random.Random(number)
            asked = 0
            while time.monotonic() < over:
                platform.hello(f'id-{number}')
                asked += 1
                time.sleep(chance.uniform(0.08, 0.14))  # about when it falls asleep
            return asked
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asked = sum(pool.map(call, range(4)))
        slept = sum(len(platform.stops(f'id-{number}')) for number in range(4))
        print(f'{asked} requests, {slept} sleeps')
        assert slept > 4, 'nobody slept, so nothing was tried'


harness.run_tests([an_idle_instance_sleeps_and_the_next_request_wakes_it, a_request_in_flight_keeps_it_awake,
                   a_hundred_concurrent_requests_wake_an_id_once, no_request_is_lost_between_going_to_sleep_and_asleep])
