import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from './root.ts';
import { homePaths, pathsOf, plainPaths } from './home.ts';

describe('homePaths', () => {
  it('is var/ of the package with bundles in models/ when MINUTEHAND_HOME is not set or empty', () => {
    for (const env of [{}, { MINUTEHAND_HOME: '' }]) {
      const paths = homePaths(env);
      expect(paths.home).toBe(join(packageRoot(), 'var'));
      expect(paths.signals).toBe(join(packageRoot(), 'var', 'signals'));
      expect(paths.models).toBe(join(packageRoot(), 'models'));
    }
  });

  it('holds everything, bundles too, when MINUTEHAND_HOME is set', () => {
    const paths = homePaths({ MINUTEHAND_HOME: '/srv/minutehand' });
    expect(paths).toMatchObject({
      home: '/srv/minutehand',
      signals: '/srv/minutehand/signals',
      log: '/srv/minutehand/log',
      models: '/srv/minutehand/models',
      trainer: '/srv/minutehand/trainer.db',
      datasetCache: '/srv/minutehand/cache/dataset',
      candidateCache: '/srv/minutehand/cache/automl',
      leagueCache: '/srv/minutehand/cache/league',
      uploads: '/srv/minutehand/cache/uploads',
      searches: '/srv/minutehand/cache/search',
      policy: '/srv/minutehand/policy',
      archivedSignals: '/srv/minutehand/archived_signals.json',
    });
    expect(paths.journal('simulated', 'main')).toBe('/srv/minutehand/simulated_main.db');
    expect(paths.configStarts('main')).toBe('/srv/minutehand/config_main.jsonl');
    expect(paths.lock('trainer')).toBe('/srv/minutehand/trainer.lock');
    expect(paths.address('trainer')).toBe('/srv/minutehand/trainer.json');
  });

  it('is the same after it was sent to a thread', () => {
    for (const env of [{}, { MINUTEHAND_HOME: '/srv/a', MINUTEHAND_EXCHANGE: '/mnt/b', MINUTEHAND_LOG: '/log' }]) {
      const paths = homePaths(env);
      const sent = pathsOf(structuredClone(plainPaths(paths)));
      const shown = ({ journal, configStarts, lock, address, ...plain }: typeof paths) => [
        plain,
        [journal('live', 'main'), configStarts('main'), lock('a'), address('a')],
      ];
      expect(shown(sent)).toEqual(shown(paths));
    }
  });

  it('counts a relative MINUTEHAND_HOME from the working directory', () => {
    expect(homePaths({ MINUTEHAND_HOME: 'here' }).home).toBe(resolve('here'));
  });

  it('moves signals and ea, and nothing else, where MINUTEHAND_EXCHANGE names a folder', () => {
    const { signals, ea, log } = homePaths({ MINUTEHAND_HOME: '/srv/minutehand', MINUTEHAND_EXCHANGE: '/mnt/common' });
    expect({ signals, ea, log }).toEqual({
      signals: '/mnt/common/signals',
      ea: '/mnt/common/ea',
      log: '/srv/minutehand/log',
    });
    expect(homePaths({ MINUTEHAND_HOME: '/srv/minutehand', MINUTEHAND_EXCHANGE: '' }).ea).toBe('/srv/minutehand/ea');
  });

  it('puts the logs into the folder of MINUTEHAND_LOG', () => {
    const { log, signals } = homePaths({ MINUTEHAND_HOME: '/srv/minutehand', MINUTEHAND_LOG: '/var/log/minutehand' });
    expect([log, signals]).toEqual(['/var/log/minutehand', '/srv/minutehand/signals']);
    expect(homePaths({ MINUTEHAND_HOME: '/srv/minutehand', MINUTEHAND_LOG: '' }).log).toBe('/srv/minutehand/log');
  });

  it('gives a shard named trainer another file than the trainer', () => {
    const paths = homePaths({});
    expect(paths.journal('live', 'trainer')).not.toBe(paths.trainer);
  });
});
