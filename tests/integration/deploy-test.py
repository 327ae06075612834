"""What `deploy` and `apps` do, and what a wrong configuration gets."""
import json

import platform as harness
from platform import sandbox


def variable(platform, name):
    return platform.hello(name, 'env')['A']


def running_instances_keep_what_they_were_started_with():
    with harness.platform(sandbox(env={'A': 'old'})) as platform:
        assert variable(platform, 'alice') == 'old'
        assert 'version 2' in platform.redeploy(sandbox(env={'A': 'new'}))
        assert variable(platform, 'alice') == 'old'
        assert platform.status('Sandbox/alice')['generation'] == 1
        assert variable(platform, 'bob') == 'new'
        platform.verb('stop', 'Sandbox/alice')
        assert variable(platform, 'alice') == 'new'


def deploy_now_replaces_running_instances():
    with harness.platform(sandbox(env={'A': 'old'})) as platform:
        assert variable(platform, 'alice') == 'old'
        platform.verb('stop', 'Sandbox/alice')
        assert variable(platform, 'bob') == 'old'
        platform.redeploy(sandbox(env={'A': 'new'}), '--now')
        bob = platform.until_state('Sandbox/bob', 'running')
        assert (bob['generation'], bob['stop_reason'], bob['version']) == (2, 'rollout', 2), bob
        assert variable(platform, 'bob') == 'new'
        assert platform.status('Sandbox/alice')['state'] == 'stopped', 'who sleeps is not woken'


def a_class_in_use_goes_away_by_force_only():
    other = {**sandbox(class_name='Other'), 'routes': [{'path': '/other/:id/*', 'class': 'Other'}]}
    with harness.platform(sandbox()) as platform:
        platform.hello('alice')
        platform.configure(other)
        refusal = platform.refused('deploy', '--config', platform.config)
        assert 'Sandbox' in refusal and 'force' in refusal, refusal
        assert platform.json('apps')[0]['version'] == 1
        assert platform.hello('alice')['generation'] == 1
        platform.verb('stop', 'Sandbox/alice')
        platform.deploy()
        assert platform.json('apps')[0]['classes'] == ['Other']
        assert platform.request('/sandbox/alice/')[0] == 404
        assert platform.request('/other/alice/hello')[0] == 200
        platform.redeploy(sandbox(), '--force')
        assert platform.json('apps')[0]['classes'] == ['Sandbox']


def class_names_and_routes_belong_to_one_application():
    with harness.platform(sandbox()) as platform:
        platform.configure({**sandbox(), 'name': 'second'})
        refusal = platform.refused('deploy', '--config', platform.config)
        assert 'Sandbox' in refusal and 'test' in refusal, refusal
        second = {**sandbox(class_name='Other'), 'name': 'second', 'routes': [{'path': '/other/:id/*', 'class': 'Other'}]}
        platform.redeploy(second)
        listed = platform.json('apps')
        assert [(app['name'], app['version'], app['classes']) for app in listed] == [('second', 1, ['Other']), ('test', 1, ['Sandbox'])]
        assert all(name in platform.verb('apps') for name in ('second', 'test', '/other/:id/*', '/sandbox/:id/*'))


def wrong(**changes):
    return json.dumps(sandbox(**changes), indent=1)


WRONG = [
    ('{', ['meridian.jsonc:1', 'JSON']),
    (wrong(imagee='x'), ['meridian.jsonc:', 'imagee', 'allowed']),
    (wrong(max_instances='many'), ['meridian.jsonc:', 'max_instances', '"many"', 'allowed']),
    (wrong(sleep_after='5 parsecs'), ['meridian.jsonc:', 'sleep_after', '5 parsecs', 'ms, s, m']),
    (wrong(instance_type='gigantic'), ['meridian.jsonc:', 'instance_type', 'gigantic', 'lite']),
    (wrong(instance_type={'vcpu': 1, 'memory_mib': 64}), ['meridian.jsonc:', 'instance_type', 'disk_mb']),
    (wrong(egress='open'), ['meridian.jsonc:', 'egress', 'allowed']),
    (wrong(restart='sometimes'), ['meridian.jsonc:', 'restart', 'sometimes', 'on-failure']),
    (wrong(default_port=70000), ['meridian.jsonc:', 'default_port', '70000', '65535']),
    (wrong(image='rootfs:/nowhere/at/all'), ['Sandbox', '/nowhere/at/all']),
    (wrong(image='docker.io/x'), ['meridian.jsonc:', 'image', 'docker.io/x', 'rootfs:DIR']),
    (json.dumps({**sandbox(), 'routes': [{'path': '/x/*', 'class': 'Sandbox'}]}), ['/x/*', ':id']),
    (json.dumps({**sandbox(), 'routes': [{'path': '/x/:id', 'class': 'Nobody'}]}), ['Nobody']),
]


def a_wrong_configuration_is_one_clear_line_and_changes_nothing():
    with harness.platform(sandbox()) as platform:
        before = platform.json('apps')
        for text, words in WRONG:
            with open(platform.config, 'w') as file:
                file.write(text)
            refusal = platform.refused('deploy', '--config', platform.config)
            assert all(word in refusal for word in words), (refusal, words)
        refusal = platform.refused('deploy', '--config', platform.config + '.missing')
        assert '.missing' in refusal, refusal
        assert platform.json('apps') == before
        assert platform.hello('alice')['generation'] == 1


harness.run_tests([running_instances_keep_what_they_were_started_with, deploy_now_replaces_running_instances,
                   a_class_in_use_goes_away_by_force_only, class_names_and_routes_belong_to_one_application,
                   a_wrong_configuration_is_one_clear_line_and_changes_nothing])
