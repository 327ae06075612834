"""What the end-to-end tests share: a real platform in a state folder of its own, driven as a user drives it.

Tests wait for conditions with a deadline, never for time; they end only what they started, and leave nothing behind, also when they
fail. Without root they skip, with the reason.
"""
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.path.abspath(os.environ.get('MERIDIAN_BUILD', 'build'))
MERIDIAN = os.path.join(BUILD, 'meridian')
LONG = os.environ.get('MERIDIAN_LONG') == '1'
DEADLINE = 30  # seconds for anything that should take milliseconds


def require_root():
    if os.geteuid() != 0:
        print('SKIP: containers need root')
        sys.exit(77)


def eventually(condition, what, seconds=DEADLINE):
    """The first true answer of `condition`, asked again and again until the deadline."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f'not within {seconds} s: {what() if callable(what) else what}')
        time.sleep(0.005)


class Platform:
    """`meridian up` or `dev` on a state folder, with restarts."""

    def __init__(self, config, mode='up', capacity=None, http='127.0.0.1:0'):
        self.folder = tempfile.mkdtemp(prefix='meridian-test-')
        self.state = os.path.join(self.folder, 'state')
        self.mode = mode
        self.capacity = capacity
        self.http = http
        self.process = None
        self.address = None
        self.printed = []  # lines of standard output
        self.config = os.path.join(self.folder, 'meridian.jsonc')
        self.configure(config)

    def configure(self, config):
        with open(self.config, 'w') as file:
            json.dump(config, file)

    def arguments(self):
        words = [MERIDIAN, '--state', self.state, self.mode]
        words += ['--http', self.http] if self.mode == 'up' else ['--config', self.config, '--port', '0']
        return words + (['--capacity', self.capacity] if self.capacity else [])

    def start(self):
        ready = threading.Event()
        with open(os.path.join(self.folder, 'log'), 'ab') as log:
            self.process = subprocess.Popen(self.arguments(), stdout=subprocess.PIPE, stderr=log, text=True,
                                            start_new_session=True)
        self.address = None
        self.printer = threading.Thread(target=self.read_output, args=(self.process.stdout, ready))
        self.printer.start()
        if not ready.wait(DEADLINE) or not self.address:
            raise AssertionError('the platform did not start: ' + self.said())
        return self

    def read_output(self, output, ready):
        with output:
            for line in output:
                self.printed.append(line.rstrip('\n'))
                if line.startswith('ready http://'):
                    self.address = line.split('//')[1].strip()
                    ready.set()
        ready.set()

    def said(self):
        with open(os.path.join(self.folder, 'log')) as file:
            return file.read()

    def kill(self, number=signal.SIGKILL):
        """Sends the signal and answers the status that the platform ends with."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(DEADLINE)
        self.printer.join()
        return status

    def popen(self, *arguments, **options):
        return subprocess.Popen([MERIDIAN, '--state', self.state, *arguments], text=True, **options)

    def run(self, *arguments, **options):
        """A one-shot verb; its finished process."""
        options.setdefault('timeout', 60)
        return subprocess.run([MERIDIAN, '--state', self.state, *arguments], capture_output=True, text=True,
                              **{'stdin': subprocess.DEVNULL} if 'input' not in options else {}, **options)

    def verb(self, *arguments):
        """Standard output of a verb that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f'{arguments}: status {done.returncode}: {done.stderr}'
        return done.stdout

    def refused(self, *arguments):
        """The one line on standard error of a verb that must fail."""
        done = self.run(*arguments)
        lines = done.stderr.splitlines()
        assert done.returncode != 0 and not done.stdout, f'{arguments}: status {done.returncode}: {done.stdout}'
        assert len(lines) == 1 and lines[0].startswith('meridian: '), f'{arguments}: {done.stderr}'
        return lines[0]

    def json(self, *arguments):
        return json.loads(self.verb(*arguments, '--json'))

    def stops(self, name):
        """[(generation, detail)] of the times this ID has stopped."""
        return [(event['generation'], event['detail'].split()) for event in self.json_lines('events')
                if event['id'] == name and event['kind'] == 'stopped']

    def json_lines(self, *arguments):
        return [json.loads(line) for line in self.verb(*arguments, '--json').splitlines()]

    def deploy(self, *options):
        return self.verb('deploy', '--config', self.config, *options)

    def redeploy(self, config, *options):
        self.configure(config)
        return self.deploy(*options)

    def status(self, address):
        return self.json('inspect', address)

    def until_state(self, address, state):
        def arrived():
            status = self.status(address)
            return status if status['state'] == state else None
        return eventually(arrived, f'{address} is {state}')

    def request(self, path, method='GET', body=None, timeout=DEADLINE):
        """(status, body, headers) of one request on a connection of its own."""
        return ask(self.address, path, method, body, timeout)

    def hello(self, name, command='hello'):
        """What the sandbox's server answers, by default who it is."""
        path = f'/sandbox/{name}/{command}'
        status, body, _ = self.request(path)
        assert status == 200, f'{path}: {status} {body}'
        return json.loads(body)

    def shim(self):
        """The pid of this platform's shim, if one runs."""
        wanted = os.path.join(self.state, 'shim').encode()
        for pid in processes():
            with contextlib.suppress(OSError), open(f'/proc/{pid}/cmdline', 'rb') as file:
                words = file.read().split(b'\0')
                if words[0].endswith(b'meridian-shim') and wanted in words and parent(pid) == 1:
                    return pid
        return None

    def instances(self):
        """{(class/id, generation): Process} of what runs as an instance's program, whatever the platform says."""
        found = {}
        inits = children(self.shim())
        for pid in processes():
            with contextlib.suppress(OSError):
                if parent(pid) not in inits or namespace_pid(pid) != 2:
                    continue
                env = environment(pid)
                if 'MERIDIAN_ID' not in env:
                    continue  # it has not exec'd yet
                key = f'{env["MERIDIAN_CLASS"]}/{env["MERIDIAN_ID"]}', int(env['MERIDIAN_GENERATION'])
                assert key not in found, f'two processes of {key}'
                found[key] = Process(pid)
        return found

    @contextlib.contextmanager
    def owned(self):
        """Not started; closed at the end all the same."""
        try:
            yield self
        finally:
            self.close()

    def close(self):
        """Ends everything, whatever state the test left it in."""
        try:
            if self.process and self.process.poll() is None:
                self.kill()
            if os.path.exists(os.path.join(self.state, 'lock')):
                self.run('down')
        finally:
            shim = self.shim()
            for pid in children(shim):
                os.kill(pid, signal.SIGKILL)
            if shim:
                os.kill(shim, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)


class Process:
    """One process, told apart from a later one with its pid."""

    def __init__(self, pid):
        self.pid = pid
        self.start_time = start_time(pid)

    def alive(self):
        try:
            return start_time(self.pid) == self.start_time
        except OSError:
            return False

    def address(self):
        """Its own in its network, as the host reaches it."""
        with open(f'/proc/{self.pid}/net/fib_trie') as file:
            lines = file.read().splitlines()
        for line, below in zip(lines, lines[1:]):
            if '/32 host LOCAL' in below and '|-- 10.' in line:
                return line.split()[-1]
        raise OSError('it has no address')


def ask(address, path, method='GET', body=None, timeout=DEADLINE):
    connection = http.client.HTTPConnection(address, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())


def processes():
    return [int(entry) for entry in os.listdir('/proc') if entry.isdigit()]


def stat_fields(pid):
    """Those after the name: state, parent, ..."""
    with open(f'/proc/{pid}/stat') as file:
        return file.read().rsplit(')', 1)[1].split()


def parent(pid):
    return int(stat_fields(pid)[1])


def start_time(pid):
    state, *fields = stat_fields(pid)
    if state in 'ZX':
        raise ProcessLookupError(f'{pid} has ended')
    return int(fields[18])


def children(pid):
    found = set()
    for entry in processes() if pid else []:
        with contextlib.suppress(OSError):
            if parent(entry) == pid:
                found.add(entry)
    return found


def namespace_pid(pid):
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[-1]) for line in file if line.startswith('NSpid'))


def environment(pid):
    with open(f'/proc/{pid}/environ') as file:
        return dict(word.split('=', 1) for word in file.read().split('\0') if '=' in word)


@contextlib.contextmanager
def platform(config, deploy=True, **options):
    made = Platform(config, **options)
    try:
        made.start()
        if deploy and made.mode == 'up':
            made.deploy()
        yield made
    except BaseException:
        sys.stderr.write(made.said()[-4000:])
        raise
    finally:
        made.close()


def image():
    return 'rootfs:' + os.path.join(BUILD, 'examples/sandbox/rootfs')


def sandbox(**changes):
    """The configuration of one class `Sandbox` with the sandbox image."""
    container = {'class_name': 'Sandbox', 'image': image(), 'entrypoint': ['/server'], 'instance_type': 'lite', 'max_instances': 100,
                 'default_port': 8080, 'sleep_after': '10m', 'stop_grace': '5s'}
    container.update(changes)
    return {'name': 'test', 'containers': [container], 'routes': [{'path': '/sandbox/:id/*', 'class': 'Sandbox'}]}


def run_tests(tests):
    """Runs the functions in the order given, each named as a sentence; ends the process."""
    require_root()
    failed = 0
    for test in tests:
        sentence = test.__name__.replace('_', ' ')
        begin = time.monotonic()
        try:
            test()
            print(f'ok      {time.monotonic() - begin:6.2f} s  {sentence}', flush=True)
        except Exception:
            failed += 1
            print(f'FAILED  {time.monotonic() - begin:6.2f} s  {sentence}\n{traceback.format_exc()}', flush=True)
    print(f'{len(tests) - failed} passed, {failed} failed')
    sys.exit(1 if failed else 0)
