"""`meridian dev`: what it prints, and that it leaves nothing behind, however it ends."""
import os
import signal
import threading
import time

import platform as harness
from platform import eventually, sandbox


def printed(platform, *words):
    return eventually(lambda: next((line for line in platform.printed if all(word in line for word in words)), None),
                      lambda: f'{words} is printed; so far:\n' + '\n'.join(platform.printed))


def nothing_is_left(platform):
    """Of processes, mounts and links; the stores, logs and images in the state folder are kept."""
    assert not platform.shim()
    for pid in harness.processes():
        try:
            with open(f'/proc/{pid}/environ') as file:
                assert platform.state not in file.read(), pid
            with open(f'/proc/{pid}/cmdline') as file:
                assert platform.state not in file.read(), pid
        except OSError:
            continue
    with open('/proc/self/mountinfo') as file:
        assert platform.state not in file.read()
    assert not os.path.exists(os.path.join(platform.state, 'rpc.sock'))
    run = os.path.join(platform.state, 'run')
    left = [os.path.join(folder, name) for folder, _, names in os.walk(run) for name in names]
    assert not left, left


def dev_prints_routes_starts_output_sleeps_and_exits():
    with harness.platform(sandbox(sleep_after='200ms'), mode='dev') as platform:
        printed(platform, 'route', f'http://{platform.address}/sandbox/:id/*', 'Sandbox')
        platform.hello('alice', 'log?line=hello-from-alice')
        printed(platform, 'Sandbox/alice', 'starting')
        printed(platform, 'Sandbox/alice', 'running')
        printed(platform, 'Sandbox/alice', '| hello-from-alice')
        printed(platform, 'Sandbox/alice', 'stopped', 'idle')
        platform.request('/sandbox/bob/exit?code=4', 'POST')
        printed(platform, 'Sandbox/bob', 'stopped', 'exited', 'code=4')
        assert platform.printed[-1] and platform.printed.index(f'ready http://{platform.address}') >= 0
        assert any('Sandbox/alice' in line for line in platform.verb('ps', '--all').splitlines()), 'the verbs work with it'


def ctrl_c_stops_everything_and_leaves_nothing():
    with harness.platform(sandbox(), mode='dev') as platform:
        platform.hello('alice')
        processes = platform.instances().values()
        assert platform.kill(signal.SIGINT) == 0
        assert not any(process.alive() for process in processes)
        nothing_is_left(platform)
        assert 'stopping' in '\n'.join(platform.printed)
        platform.start()
        assert platform.status('Sandbox/alice')['stop_reason'] == 'requested'
        assert platform.hello('alice')['generation'] == 2


def a_second_ctrl_c_kills():
    with harness.platform(sandbox(stop_grace='10m'), mode='dev') as platform:
        platform.hello('alice')
        process, = platform.instances().values()
        os.kill(process.pid, signal.SIGSTOP)  # deaf to SIGTERM
        platform.process.send_signal(signal.SIGINT)
        printed(platform, 'Ctrl-C again kills')
        assert platform.kill(signal.SIGINT) == 0
        assert not process.alive()
        nothing_is_left(platform)
        platform.start()
        platform.until_state('Sandbox/alice', 'stopped')
        assert platform.hello('alice')['generation'] == 2


def dev_after_a_kill_takes_over_and_cleans_up():
    with harness.platform(sandbox(), mode='dev') as platform:
        platform.hello('alice')
        process, = platform.instances().values()
        platform.kill()
        assert process.alive()
        platform.start()
        assert platform.hello('alice')['generation'] == 1
        assert platform.kill(signal.SIGINT) == 0
        assert not process.alive()
        nothing_is_left(platform)


def dev_and_up_refuse_each_others_folder():
    with harness.platform(sandbox(), mode='dev') as platform:
        refusal = platform.refused('up', '--http', '127.0.0.1:0')
        assert platform.state in refusal and '`meridian dev`' in refusal, refusal
        platform.verb('down')  # ends it, though it is a dev
        assert platform.wait() == 0
        nothing_is_left(platform)


def dev_with_a_wrong_configuration_leaves_nothing():
    with harness.Platform(sandbox(image='rootfs:/nowhere'), mode='dev').owned() as platform:
        assert '/nowhere' in platform.refused('dev', '--config', platform.config, '--port', '0')
        nothing_is_left(platform)
        platform.configure(sandbox(max_instances=0))
        assert 'max_instances' in platform.refused('dev', '--config', platform.config, '--port', '0')


harness.run_tests([dev_prints_routes_starts_output_sleeps_and_exits, ctrl_c_stops_everything_and_leaves_nothing, a_second_ctrl_c_kills,
                   dev_after_a_kill_takes_over_and_cleans_up, dev_and_up_refuse_each_others_folder,
                   dev_with_a_wrong_configuration_leaves_nothing])
