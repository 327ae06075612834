"""What the end-to-end tests share: a real platform in a state folder of its own, driven as a user drives it.

Tests wait for conditions with a deadline, never for time; they end only what they started, and leave nothing behind, also when they
fail. Without root they skip, with the reason.
"""
import contextlib
import glob
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get('MERIDIAN_BUILD', 'build')
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
            raise AssertionError(f'not within {seconds} s: {what}')
        time.sleep(0.005)


class Platform:
    """`meridian up` or `dev` on a state folder, with restarts."""

    def __init__(self, config, mode='up', capacity=None):
        self.folder = tempfile.mkdtemp(prefix='meridian-test-')
        self.state = os.path.join(self.folder, 'state')
        self.mode = mode
        self.capacity = capacity
        self.process = None
        self.address = None
        self.config = os.path.join(self.folder, 'meridian.jsonc')
        self.configure(config)

    def configure(self, config):
        with open(self.config, 'w') as file:
            json.dump(config, file)

    def start(self):
        arguments = [os.path.join(BUILD, 'meridian'), '--state', self.state, self.mode]
        arguments += ['--http', '127.0.0.1:0'] if self.mode == 'up' else ['--config', self.config, '--port', '0']
        if self.capacity:
            arguments += ['--capacity', self.capacity]
        self.log = open(os.path.join(self.folder, 'log'), 'ab')
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True)
        for line in self.process.stdout:
            if line.startswith('ready http://'):
                self.address = line.split('//')[1].strip()
                return self
        raise AssertionError('the platform did not start: ' + self.said())

    def said(self):
        with open(os.path.join(self.folder, 'log')) as file:
            return file.read()

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.wait(DEADLINE)
        self.process.stdout.close()
        self.log.close()

    def run(self, *arguments, **options):
        """A one-shot verb; its finished process."""
        options.setdefault('timeout', 60)
        if 'input' not in options:
            options.setdefault('stdin', subprocess.DEVNULL)
        return subprocess.run([os.path.join(BUILD, 'meridian'), '--state', self.state, *arguments],
                              capture_output=True, text=True, **options)

    def verb(self, *arguments):
        """Standard output of a verb that must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f'{arguments}: status {done.returncode}: {done.stderr}'
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.verb(*arguments, '--json'))

    def deploy(self, *options):
        return self.verb('deploy', '--config', self.config, *options)

    def status(self, address):
        return self.json('inspect', address)

    def request(self, path, method='GET', body=None, timeout=DEADLINE):
        """(status, body, headers) of one request on a connection of its own."""
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body)
            response = connection.getresponse()
            return response.status, response.read(), dict(response.getheaders())

    def popen(self, *arguments, **options):
        """A verb that goes on, as `-f` does; the caller ends it."""
        return subprocess.Popen([os.path.join(BUILD, 'meridian'), '--state', self.state, *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def fails(self, *arguments, status=1):
        """The one line on standard error of a verb that must fail."""
        done = self.run(*arguments)
        assert done.returncode == status, f'{arguments}: status {done.returncode}: {done.stdout}{done.stderr}'
        assert done.stderr.startswith('meridian: ') and done.stderr.count('\n') == 1, done.stderr
        assert 'exception' not in done.stderr, done.stderr
        return done.stderr

    def answer(self, path, **options):
        """The JSON of a request that must be answered with 200."""
        status, body, _ = self.request(path, **options)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def problem(self, path, status, **options):
        """(JSON, headers) of a request that the gateway must answer itself, with this status."""
        got, body, headers = self.request(path, **options)
        assert got == status, (path, got, body)
        return json.loads(body), headers

    def json_lines(self, *arguments):
        """What a verb prints a line each: logs, events."""
        return [json.loads(line) for line in self.verb(*arguments, '--json').splitlines()]

    def events(self, address=None, kind=None):
        return [line for line in self.json_lines('events') if address in (None, line['class'] + '/' + line['id']) and kind in (None, line['kind'])]

    def when(self, address, state):
        """The status of a container, once it is in this state."""
        def reached():
            status = self.status(address)
            return status if status['state'] == state else None
        return eventually(reached, f'{address} is {state}')

    def main_process(self, id):
        """The pid, on the machine, of the program of an ID."""
        tree = f'meridian-{fnv1a(self.state + "/shim"):016x}'

        def found():
            for entry in filter(str.isdigit, os.listdir('/proc')):
                with contextlib.suppress(OSError):
                    if tree in read(f'/proc/{entry}/cgroup') and f'MERIDIAN_ID={id}' in read(f'/proc/{entry}/environ').split('\0') and \
                            read(f'/proc/{entry}/cmdline').startswith('/server'):
                        return int(entry)
            return None
        return eventually(found, f'the program of {id} runs')

    def traces(self):
        """What the platform has on the machine outside of its folder: the shim, mounts, loop devices, cgroups, links."""
        found = [f'process {self.shim()}'] if self.shim() else []
        with open('/proc/self/mountinfo') as file:
            found += ['mount ' + line.split()[4] for line in file if self.folder in line]
        for path in glob.glob('/sys/block/loop*/loop/backing_file'):
            with contextlib.suppress(OSError), open(path) as file:
                if self.folder in file.read():
                    found.append('loop ' + path)
        found += ['cgroup ' + path for path in glob.glob(f'/sys/fs/cgroup/**/meridian-{fnv1a(self.state + "/shim"):016x}*', recursive=True)]
        tag = f'{fnv1a(self.state) & 0xffffffff:08x}'
        found += ['link ' + name for name in os.listdir('/sys/class/net') if name.startswith(('mrd' + tag, 'mrv' + tag))]
        return found

    def shim(self):
        """The pid of this platform's shim, if one runs."""
        wanted = os.path.join(self.state, 'shim')
        for entry in os.listdir('/proc'):
            if not entry.isdigit():
                continue
            with contextlib.suppress(OSError), open(f'/proc/{entry}/cmdline', 'rb') as file:
                words = file.read().split(b'\0')
                if words[0].endswith(b'meridian-shim') and wanted.encode() in words:
                    if os.stat(f'/proc/{entry}').st_uid == os.geteuid() and parent(int(entry)) == 1:
                        return int(entry)
        return None

    def close(self):
        """Ends everything, whatever state the test left it in."""
        try:
            if self.process and self.process.poll() is None:
                self.kill()
            if os.path.exists(os.path.join(self.state, 'lock')):
                self.run('down')
        finally:
            shim = self.shim()
            if shim:  # a test must have failed; the kernel ends the instances with it
                os.kill(shim, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)


def read(path):
    with open(path, errors='replace') as file:
        return file.read()


def fnv1a(text):
    """The hash of the state folder in the names of cgroups and links."""
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return value


def parent(pid):
    with open(f'/proc/{pid}/stat') as file:
        return int(file.read().rsplit(')', 1)[1].split()[1])


@contextlib.contextmanager
def platform(config, **options):
    made = Platform(config, **options)
    try:
        yield made.start()
    except BaseException:
        sys.stderr.write(made.said()[-4000:])
        raise
    finally:
        made.close()


def sandbox(**changes):
    """The configuration of one class `Sandbox` with the sandbox image."""
    container = {'class_name': 'Sandbox', 'image': 'rootfs:' + os.path.abspath(os.path.join(BUILD, 'examples/sandbox/rootfs')),
                 'entrypoint': ['/server'], 'instance_type': 'lite', 'max_instances': 100, 'default_port': 8080,
                 'sleep_after': '10m', 'stop_grace': '5s'}
    container.update(changes)
    return {'name': 'test', 'containers': [container], 'routes': [{'path': '/sandbox/:id/*', 'class': 'Sandbox'}]}
