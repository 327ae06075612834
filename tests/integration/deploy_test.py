#!/usr/bin/env python3
"""`deploy`: what runs keeps what it was started with, `--now` replaces it, and a class in use does not go away unnoticed."""
import copy

import runner
from harness import platform, sandbox


def test_running_instances_keep_what_they_were_started_with_and_new_starts_use_the_new():
    with platform(sandbox(env={'RELEASE': 'one'})) as p:
        p.deploy()
        old = p.answer('/sandbox/alice/env')
        p.configure(sandbox(env={'RELEASE': 'two'}))
        assert 'version 2' in p.deploy()
        assert p.answer('/sandbox/alice/env') == old
        assert p.answer('/sandbox/bob/env')['RELEASE'] == 'two'
        versions = {row['id']: (row['generation'], row['version']) for row in p.json('ps')}
        assert versions == {'alice': (1, 1), 'bob': (1, 2)}, versions
        p.verb('stop', 'Sandbox/alice')
        assert p.answer('/sandbox/alice/env')['RELEASE'] == 'two'


def test_deploy_now_replaces_what_runs_and_leaves_alone_what_is_stopped():
    with platform(sandbox(env={'RELEASE': 'one'})) as p:
        p.deploy()
        p.answer('/sandbox/alice/')
        p.answer('/sandbox/bob/')
        p.verb('stop', 'Sandbox/bob')
        p.configure(sandbox(env={'RELEASE': 'two'}))
        p.deploy('--now')
        rows = {row['id']: row for row in p.json('ps', '--all')}
        assert (rows['alice']['state'], rows['alice']['generation'], rows['alice']['stop_reason']) == ('running', 2, 'rollout')
        assert (rows['bob']['state'], rows['bob']['generation']) == ('stopped', 1)
        assert p.answer('/sandbox/alice/env')['RELEASE'] == 'two'


def test_a_route_of_the_new_version_serves_as_soon_as_deploy_returns():
    config = sandbox()
    with platform(config) as p:
        problem, _ = p.problem('/sandbox/alice/', 404)
        assert problem['code'], problem
        for number in range(10):
            config['routes'] = [{'path': f'/v{number}/:id/*', 'class': 'Sandbox'}]
            p.configure(config)
            p.deploy()
            assert p.answer(f'/v{number}/alice/')['generation'] == 1
            if number:
                p.problem(f'/v{number - 1}/alice/', 404)


def with_a_second_class():
    config = sandbox()
    other = copy.deepcopy(config['containers'][0])
    other['class_name'] = 'Other'
    config['containers'].append(other)
    return config


def test_a_class_that_goes_away_while_an_id_is_not_stopped_is_refused_without_force():
    with platform(with_a_second_class()) as p:
        p.deploy()
        p.verb('start', 'Other/alice')
        p.configure(sandbox())
        assert 'Other' in p.fails('deploy', '--config', p.config)
        assert p.json('apps')[0]['version'] == 1 and p.json('apps')[0]['classes'] == ['Sandbox', 'Other']
        assert p.status('Other/alice')['state'] == 'running'
        p.verb('stop', 'Other/alice')
        p.deploy()
        assert p.json('apps')[0]['classes'] == ['Sandbox']
        assert 'Other' in p.fails('start', 'Other/alice')


def test_with_force_the_class_goes_and_its_instances_stop():
    with platform(with_a_second_class()) as p:
        p.deploy()
        p.verb('start', 'Other/alice')
        p.configure(sandbox())
        p.deploy('--force')
        assert p.json('apps')[0]['classes'] == ['Sandbox']
        assert 'Other' in p.fails('start', 'Other/bob')


def test_a_class_name_belongs_to_one_application():
    with platform(sandbox()) as p:
        p.deploy()
        taken = sandbox()
        taken['name'] = 'second'
        p.configure(taken)
        assert 'Sandbox' in p.fails('deploy', '--config', p.config)
        assert [app['name'] for app in p.json('apps')] == ['test']


if __name__ == '__main__':
    runner.main()
