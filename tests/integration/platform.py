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
        if self.process and self.process.poll() is None:
            self.kill()
        if os.path.exists(os.path.join(self.state, 'lock')):
            self.run('down')
        shim = self.shim()
        if shim:
            os.kill(shim, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)


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
