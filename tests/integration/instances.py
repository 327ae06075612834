"""The instances of a platform as the kernel sees them, found without asking the platform."""
import contextlib
import http.client
import os


class Instance:
    def __init__(self, pid, environment):
        self.pid = pid
        self.id = environment['MERIDIAN_ID']
        self.generation = int(environment['MERIDIAN_GENERATION'])
        self.started = start_time(pid)

    def identity(self):
        return self.pid, self.started, self.generation

    def address(self):
        """Its own address: the only local one that is not loopback."""
        with open(f'/proc/{self.pid}/net/fib_trie') as file:
            lines = file.read().splitlines()
        for line, after in zip(lines, lines[1:]):
            found = line.strip().removeprefix('|-- ')
            if 'host LOCAL' in after and not found.startswith('127.'):
                return found
        raise AssertionError(f'{self.id} has no address')

    def request(self, path):
        """Asks the container itself, past the platform."""
        connection = http.client.HTTPConnection(self.address(), 8080, timeout=10)
        with contextlib.closing(connection):
            with contextlib.suppress(http.client.HTTPException, ConnectionError):
                connection.request('GET', path)
                connection.getresponse().read()


def start_time(pid):
    with open(f'/proc/{pid}/stat') as file:
        return int(file.read().rsplit(')', 1)[1].split()[19])


def instances_of(shim):
    """By ID: every sandbox server below this shim."""
    found = {}
    for entry in os.listdir('/proc'):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, KeyError):
            if not os.readlink(f'/proc/{entry}/exe').endswith('/server') or shim not in ancestors(int(entry)):
                continue
            with open(f'/proc/{entry}/environ') as file:
                environment = dict(word.split('=', 1) for word in file.read().split('\0') if '=' in word)
            instance = Instance(int(entry), environment)
            found.setdefault(instance.id, []).append(instance)
    return found


def ancestors(pid):
    line = []
    while pid > 1:
        with open(f'/proc/{pid}/stat') as file:
            pid = int(file.read().rsplit(')', 1)[1].split()[1])
        line.append(pid)
    return line
