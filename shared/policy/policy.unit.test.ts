import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import type { DecisionPolicy as CoreDecisionPolicy } from '../strategies/pair_reversion/pair_input.ts';
import type { Windows as CoreWindows } from '../core/features/windows.ts';
import { MinutehandError } from '../errors.ts';
import { parsePair } from '../pair.ts';
import { packageRoot } from '../root.ts';
import { writeApproved } from './approved.ts';
import { homePaths } from '../home.ts';
import { jsonSchema, schemaAt } from './json_schema.ts';
import { namedKeys } from './named_keys.fixture.ts';
import {
  allSignalsFile,
  barIntervalMs,
  decisionPolicy,
  horizonSeconds,
  inspectSettings,
  loadSettings,
  ownConfigDir,
  screenPolicy,
  shardPairs,
  shardsOf,
  shardSubjects,
} from './policy.ts';
import { CONFIG_FILES } from './schema.ts';

const shipped = join(packageRoot(), 'config');
const NO_ENV: NodeJS.ProcessEnv = {};
let configDir = '';

beforeEach(() => {
  configDir = mkdtempSync(join(tmpdir(), 'minutehand-config-'));
  for (const name of Object.values(CONFIG_FILES)) cpSync(join(shipped, name), join(configDir, name));
});

afterEach(() => rmSync(configDir, { recursive: true, force: true }));

/** Replaces text that must be there exactly once in a file of the temporary folder. */
function edit(name: string, before: string, after: string): void {
  const file = join(configDir, name);
  const text = readFileSync(file, 'utf8');
  expect(text.split(before).length - 1, `"${before}" in ${name}`).toBe(1);
  writeFileSync(
    file,
    text.replace(before, () => after),
  );
}

function load(env: NodeJS.ProcessEnv = NO_ENV) {
  return loadSettings({ configDir, env });
}

function failure(env: NodeJS.ProcessEnv = NO_ENV): MinutehandError {
  try {
    load(env);
  } catch (error) {
    if (error instanceof MinutehandError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('the shipped configuration', () => {
  it('is valid and has the initial values of the policy files', () => {
    const { core, retrain, signals } = load();
    expect(core).toEqual({
      theta1_initial: 0.7,
      theta2_initial: 0.3,
      theta_search_range: { theta1: [0.6, 0.85], theta2: [0.2, 0.45] },
      theta_step: 0.01,
      risk_label_dd_threshold: 0.06,
      risk_label_vol_ratio: 1.8,
      risk_label_corr_drop: -0.15,
      require_edge: true,
      leverage_reduction_rate: { drawdown: [], risk_score: [] },
      no_entry_windows: ['16:45-18:15', 'Sun 17:00-18:30'],
      min_expected_net_bps: 0,
      max_symbol_exposure: null,
      max_currency_exposure: null,
      news_stop: null,
      novelty_min: null,
    });
    expect(retrain).toMatchObject({
      retrain_cron: '0 3 1 * *',
      retrain_weekly_cron: '0 4 * * 6',
      retrain_direction_cron: '0 5 * * 0',
      retrain_incremental_cron: '30 22 * * *',
      retrain_retry_max: 2,
      retrain_retry_delay_minutes: 60,
      retrain_notification_channel: '#ml-ops',
      model_version_retention: 5,
      retrain_runs_table: 'audit.retrain_runs',
    });
    expect(retrain.retrain_runs_columns).toContain('run_id');
    expect(signals).toEqual({
      signals_table: 'core.signals_live',
      signals_history_table: 'core.signals_history',
      archive_target: 'LOCAL',
      archive_path: 'archive',
      archive_region: 'us-east-1',
      archive_endpoint: null,
      archive_cron: '30 0 * * *',
      signals_history_days: 90,
      signals_journal_days: 60,
    });
  });

  it('has ten pairs in one shard and costs for fourteen symbols', () => {
    const { minutehand } = load();
    // Of the type the features take: the compiler checks it.
    const windows: CoreWindows = minutehand.windows;
    expect(Object.keys(windows)).toHaveLength(12);
    expect(minutehand.pairs).toHaveLength(10);
    expect(Object.keys(minutehand.symbols)).toHaveLength(14);
    expect(shardPairs(minutehand, 'main').map((pair) => pair.id)).toEqual(minutehand.pairs);
    expect(() => shardPairs(minutehand, 'mian')).toThrow('did you mean "main"?');
  });

  it('gives every policy entry a Japanese label and a description that is a sentence', () => {
    for (const name of [CONFIG_FILES.core, CONFIG_FILES.retrain, CONFIG_FILES.signals]) {
      const file = parseDocument(readFileSync(join(shipped, name), 'utf8')).toJS() as Record<
        string,
        { label_ja: string; description: string }
      >;
      for (const { label_ja: label, description } of Object.values(file)) {
        expect(label).toMatch(/[\u3041-\u30ff\u4e00-\u9fff]/);
        // Some begin with the words of the specification.
        expect(description).toMatch(/^([A-Z]|[^.]*[\u3041-\u30ff\u4e00-\u9fff].*?[.。] ).{20,}\.$/s);
      }
    }
  });

  it('explains every key of minutehand.yaml with the text of the schema, right above it', () => {
    const lines = readFileSync(join(shipped, CONFIG_FILES.minutehand), 'utf8').split('\n');
    for (const path of namedKeys('minutehand')) {
      const indent = '  '.repeat(path.length - 1);
      const sections = path.slice(0, -1).map((key, depth) => `${'  '.repeat(depth)}${key}:`);
      let at = sections.reduce((from, section) => lines.indexOf(section, from), 0);
      at = lines.findIndex((line, index) => index >= at && line.startsWith(`${indent}${path.at(-1)}:`));
      let comment = '';
      for (let above = at - 1; lines[above]?.trim().startsWith('#'); above--) {
        comment = `${lines[above]!.trim().slice(1).trim()} ${comment}`;
      }
      expect(comment, path.join('.')).toContain(
        schemaAt(jsonSchema('minutehand'), path)?.description ?? 'no description',
      );
    }
  });

  it('points editors to the JSON Schema in the first line of each file', () => {
    for (const name of Object.values(CONFIG_FILES)) {
      const schema = `schema/${name.replace('.yaml', '.schema.json')}`;
      expect(readFileSync(join(shipped, name), 'utf8').split('\n')[0]).toBe(
        `# yaml-language-server: $schema=${schema}`,
      );
    }
  });

  it('cannot be changed once it is loaded', () => {
    const settings = load() as unknown as { minutehand: { windows: { z_window: number }; pairs: string[] } };
    expect(() => (settings.minutehand.windows.z_window = 7)).toThrow(TypeError);
    expect(() => settings.minutehand.pairs.push('A_B')).toThrow(TypeError);
  });

  it('gives the decision its rules and whether an edge is required', () => {
    edit('core_policy.yaml', 'value: true', 'value: false');
    const rules: CoreDecisionPolicy = decisionPolicy(load());
    expect(rules).toMatchObject({ z_entry: 2, risk_exit: 0.95, require_edge: false, min_expected_net_bps: 0 });
    // 16:45 to 18:15 of seven days, and Sunday 17:00 to 18:30.
    expect(rules.no_entry_windows).toHaveLength(8);
    expect(rules.no_entry_windows[7]).toEqual({ from: 17 * 60, to: 18 * 60 + 30 });
    expect(rules).not.toHaveProperty('leverage');
    edit('core_policy.yaml', 'drawdown: []', 'drawdown: [[0.1, 0.5]]');
    expect(decisionPolicy(load()).leverage).toMatchObject({ drawdown: [[0.1, 0.5]], risk_score: [] });
  });

  it('has a horizon in bars of the longest timeframe; timeframes are a look-back unless all are one minute', () => {
    const { minutehand } = load();
    expect(minutehand.label.horizon_bars).toBe(60);
    expect(horizonSeconds(minutehand)).toBe(3600);
    edit('minutehand.yaml', '  - USDJPY_USDCHF', '  - USDJPY_USDCHF@5m');
    edit('minutehand.yaml', '  - AUDUSD_NZDUSD', '  - AUDUSD_NZDUSD@4h');
    const { minutehand: longer } = load();
    expect(longer.windows).toEqual({ ...minutehand.windows, timeframes: '1m,5m,4h' });
    expect(horizonSeconds(longer)).toBe(60 * 4 * 3600);
  });
});

describe('the approved configuration', () => {
  it('is loaded unless a folder is given, and refused when a file of it was changed', () => {
    const change = { change_id: 7, commit: 'c'.repeat(40), author: 'ann', approver: 'bob', reason: 'seed' };
    const env = { MINUTEHAND_HOME: join(configDir, 'home'), MINUTEHAND_CONFIG: configDir };
    const { policy } = homePaths(env);
    edit('minutehand.yaml', 'seed: 42', 'seed: 43');
    const texts = Object.values(CONFIG_FILES).map((name) => [name, readFileSync(join(configDir, name), 'utf8')]);
    writeApproved(policy, { ...change, applied_at: '2026-11-20T12:00:00Z' }, Object.fromEntries(texts));
    edit('minutehand.yaml', 'seed: 43', 'seed: 44');

    const { minutehand, sources } = loadSettings({ env });
    const folder = join(policy, change.commit);
    expect([minutehand.simulated.seed, sources.configDir, sources.approved?.change_id]).toEqual([43, folder, 7]);
    const given = loadSettings({ env, configDir });
    expect([given.minutehand.simulated.seed, given.sources.configDir, given.sources.approved]).toEqual([
      ...[44, configDir, null],
    ]);

    const changed = join(folder, 'minutehand.yaml');
    cpSync(join(configDir, 'minutehand.yaml'), changed);
    expect(inspectSettings({ env })).toEqual({
      settings: null,
      problems: [{ code: 'CONFIG_UNAPPROVED', where: changed, key: '', text: 'is not what was approved' }],
    });
    expect(() => loadSettings({ env })).toThrow(expect.objectContaining({ code: 'CONFIG_UNAPPROVED' }));
  });
});

describe('where the files are', () => {
  it('is the option, else MINUTEHAND_CONFIG, else the folder of the package', () => {
    edit('minutehand.yaml', 'seed: 42', 'seed: 43');
    expect(loadSettings({ env: { MINUTEHAND_CONFIG: configDir } }).minutehand.simulated.seed).toBe(43);
    expect(loadSettings({ env: { MINUTEHAND_CONFIG: '' } }).sources.configDir).toBe(shipped);
    expect(loadSettings({ env: { MINUTEHAND_CONFIG: '/nowhere' }, configDir }).sources.configDir).toBe(configDir);
    const near = relative(process.cwd(), configDir);
    expect(loadSettings({ env: { MINUTEHAND_CONFIG: near } }).sources.configDir).toBe(resolve(configDir));
    expect([ownConfigDir({ MINUTEHAND_CONFIG: near }), ownConfigDir({})]).toEqual([resolve(configDir), shipped]);
  });

  it('is named when a file is missing, for all files that are', () => {
    rmSync(join(configDir, 'signals_policy.yaml'));
    rmSync(join(configDir, 'core_policy.yaml'));
    const error = failure();
    expect(error.code).toBe('CONFIG_MISSING');
    expect(error.message).toContain(`${join(configDir, 'core_policy.yaml')}: the file cannot be read (ENOENT)`);
    expect(error.message).toContain(join(configDir, 'signals_policy.yaml'));
  });
});

describe('YAML', () => {
  it('that cannot be parsed is CONFIG_SYNTAX with file, line and column', () => {
    writeFileSync(join(configDir, 'minutehand.yaml'), 'pairs:\n  - A_B\nlog: [1,\nlabel: {}\n');
    const error = failure();
    expect(error.code).toBe('CONFIG_SYNTAX');
    expect(error.message).toMatch(/minutehand\.yaml:[34]:\d+/);
  });

  it('with a key twice in one section is CONFIG_SYNTAX', () => {
    edit('minutehand.yaml', '  z_entry: 2.0', '  z_entry: 2.0\n  z_entry: 3.0');
    const error = failure();
    expect(error.code).toBe('CONFIG_SYNTAX');
    expect(error.message).toMatch(/minutehand\.yaml:\d+:3: duplicate key/);
  });

  it.each([
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['an unknown tag', 'a: !env HOME\n'],
    ['an alias without an anchor', 'a: *b\n'],
  ])('with %s is CONFIG_SYNTAX', (_, text) => {
    writeFileSync(join(configDir, 'core_policy.yaml'), text);
    expect(failure().code).toBe('CONFIG_SYNTAX');
  });

  it.each(['', '# nothing\n', '- a\n', 'text\n'])('%j is not a map of settings', (text) => {
    writeFileSync(join(configDir, 'signals_policy.yaml'), text);
    const error = failure();
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain('signals_policy.yaml');
    expect(error.message).toContain('expected a map with the keys signals_table, signals_history_table');
  });

  it('may hold a byte order mark and Windows line ends', () => {
    const file = join(configDir, 'core_policy.yaml');
    writeFileSync(file, `\ufeff${readFileSync(file, 'utf8').replaceAll('\n', '\r\n')}`);
    expect(load().policyHash).toBe(loadSettings({ configDir: shipped, env: NO_ENV }).policyHash);
  });
});

describe('a key that a policy file lacks', () => {
  it('has its delivered value and is named in the sources', () => {
    expect(load().sources.delivered).toEqual([]);
    edit('retrain_policy.yaml', 'retrain_retry_max:\n  value: 2\n', 'retrain_retry_max:\n  value: 3\n');
    for (const [name, key] of [
      ['signals_policy.yaml', 'archive_region'],
      ['retrain_policy.yaml', 'quality_min_samples'],
    ] as const) {
      const file = join(configDir, name);
      writeFileSync(file, readFileSync(file, 'utf8').replace(new RegExp(`^${key}:\n(?:  .*\n)+`, 'm'), ''));
    }
    const { retrain, signals, sources } = load();
    expect(sources.delivered).toEqual(['retrain.quality_min_samples', 'signals.archive_region']);
    expect([retrain.quality_min_samples, retrain.retrain_retry_max, signals.archive_region]).toEqual([
      ...[2000, 3, 'us-east-1'],
    ]);
  });
});

describe('a key that does not exist', () => {
  it('is named with its file, line, full path and the nearest right one, and nothing else is reported', () => {
    edit('minutehand.yaml', '  z_entry: 2.0', '  z_enrty: 2.0');
    const line = readFileSync(join(configDir, 'minutehand.yaml'), 'utf8').split('\n').indexOf('  z_enrty: 2.0') + 1;
    const error = failure();
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.seen).toBe(
      `${join(configDir, 'minutehand.yaml')}:${line}:3: decision.z_enrty is not a key of this file (did you mean "decision.z_entry"?)`,
    );
  });

  it('is found in policy files, in their entries and in nested values', () => {
    edit('core_policy.yaml', 'theta_step:', 'theta_stpe:');
    edit('retrain_policy.yaml', 'label_ja: 再学習スケジュール', 'label_jp: 再学習スケジュール');
    edit('core_policy.yaml', '    theta2: [', '    theta3: [');
    const error = failure();
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toContain('theta_stpe is not a key of this file (did you mean "theta_step"?)');
    expect(error.message).toContain('did you mean "retrain_cron.label_ja"?');
    expect(error.message).toContain('did you mean "theta_search_range.value.theta2"?');
    expect(error.message).not.toContain('is missing');
  });

  it('in the wrong section is reported with its right one', () => {
    edit('minutehand.yaml', '  z_window: 120', '  z_window: 120\n  risk_exit: 0.9');
    expect(failure().message).toContain(
      'windows.risk_exit is not a key of this file (did you mean "decision.risk_exit"?)',
    );
  });

  it('that is like no other still gets the nearest one of its section', () => {
    edit('minutehand.yaml', '  level: info', '  level: info\n  qqqqqqqqqqqqqqq: 1');
    expect(failure().message).toContain('log.qqqqqqqqqqqqqqq is not a key of this file (did you mean "log.level"?)');
  });

  it('may be named like a property that every object inherits', () => {
    edit('minutehand.yaml', '  level: info', '  level: info\n  constructor: 1\n  __proto__: 2');
    const error = failure();
    expect(error.message).toContain('log.constructor is not a key of this file');
    expect(error.message).toContain('log.__proto__ is not a key of this file');
  });
});

describe('a value that is not allowed', () => {
  it.each([
    [
      'a text for a number',
      'minutehand.yaml',
      'z_entry: 2.0',
      'z_entry: two',
      'decision.z_entry is "two", expected a number above 0 and at most 20',
    ],
    [
      'a broken number of bars',
      'minutehand.yaml',
      'beta_window: 240',
      'beta_window: 24.5',
      'windows.beta_window is 24.5, expected a whole number from 5 to 10000',
    ],
    [
      'a window that is too short',
      'minutehand.yaml',
      'beta_window: 240',
      'beta_window: 4',
      'windows.beta_window is 4, expected a whole number from 5 to 10000',
    ],
    [
      'a window that is too long',
      'minutehand.yaml',
      'beta_window: 240',
      'beta_window: 10001',
      'is 10001, expected a whole number from 5 to 10000',
    ],
    ['infinity', 'minutehand.yaml', 'z_entry: 2.0', 'z_entry: .inf', 'decision.z_entry is Infinity, expected a number'],
    ['not a number', 'minutehand.yaml', 'z_entry: 2.0', 'z_entry: .nan', 'decision.z_entry is NaN, expected a number'],
    ['nothing', 'minutehand.yaml', 'z_entry: 2.0', 'z_entry:', 'decision.z_entry is null, expected a number'],
    [
      'a word that is not in the list',
      'minutehand.yaml',
      '    engine: auto',
      '    engine: express',
      'transports.daemon.engine is "express", expected one of "auto", "uwebsockets", "ws"',
    ],
    [
      'a port beyond 65535',
      'minutehand.yaml',
      'port: 7400',
      'port: 65536',
      'transports.daemon.port is 65536, expected a whole number from 0 to 65535',
    ],
    [
      'an ill-formed pair',
      'minutehand.yaml',
      '  - USDJPY_USDCHF',
      '  - USDJPY+USDCHF',
      'pairs[9] is "USDJPY+USDCHF", expected text such as "XAUUSD_XAGUSD"',
    ],
    [
      'a start off the minute',
      'minutehand.yaml',
      "'2024-01-01T22:00:00Z'",
      "'2024-01-01T22:00:30Z'",
      'simulated.start is "2024-01-01T22:00:30Z"',
    ],
    [
      'a day that does not exist',
      'minutehand.yaml',
      "'2024-01-01T22:00:00Z'",
      "'2024-02-30T22:00:00Z'",
      'not a day and time that exists',
    ],
    [
      'an hour that does not exist',
      'minutehand.yaml',
      "'2024-01-01T22:00:00Z'",
      "'2024-02-03T25:00:00Z'",
      'not a day and time that exists',
    ],
    [
      'an unfit shard name',
      'minutehand.yaml',
      '  main: all',
      '  ../main: all',
      'shards.../main has a wrong name, expected text such as "main"',
    ],
    [
      'a shard that is a number',
      'minutehand.yaml',
      '  main: all',
      '  main: 1',
      'shards.main is 1, expected "all" or a list of at least 1, each text such as "XAUUSD_XAGUSD" or a map with the keys pairs, port',
    ],
    [
      'a quoted boolean',
      'core_policy.yaml',
      'value: true',
      "value: 'true'",
      'require_edge.value is "true", expected true or false',
    ],
    [
      'an empty label',
      'core_policy.yaml',
      'label_ja: 優位性の必須化',
      "label_ja: ''",
      'require_edge.label_ja is "", expected text',
    ],
    [
      'a table name that is SQL',
      'signals_policy.yaml',
      'core.signals_live',
      'core.x;drop table y',
      'signals_table.value is "core.x;drop table y"',
    ],
    [
      'an archive target that does not exist',
      'signals_policy.yaml',
      'value: LOCAL',
      'value: FTP',
      'archive_target.value is "FTP", expected one of "NAS", "LOCAL", "S3", "WASABI", "B2"',
    ],
    [
      'a column that cannot be recorded',
      'retrain_policy.yaml',
      '    - gate\n',
      '    - gates\n',
      'retrain_runs_columns.value[21] is "gates", expected one of "run_id"',
    ],
    [
      'an invalid cron expression',
      'retrain_policy.yaml',
      "'0 3 1 * *'",
      "'61 3 1 * *'",
      'retrain_cron.value is "61 3 1 * *", expected a cron expression',
    ],
    [
      'an invalid cron expression of a schedule that may be absent',
      'retrain_policy.yaml',
      "retrain_incremental_cron:\n  value: '30 22 * * *'",
      "retrain_incremental_cron:\n  value: '0 25 * * *'",
      'retrain_incremental_cron.value is "0 25 * * *", expected a cron expression such as "30 22 * * *"',
    ],
    [
      'a missing key',
      'minutehand.yaml',
      '  z_exit: 0.5\n',
      '',
      'decision.z_exit is missing, expected a number from 0 to 20',
    ],
    [
      'a missing section',
      'minutehand.yaml',
      'log:\n  # Minimum level that is logged.\n  level: info\n',
      '',
      'log is missing, expected a map with the keys level',
    ],
    [
      'a missing cost',
      'minutehand.yaml',
      'EURGBP: { spread_bps: 0.5, commission_bps: 0.3, slippage_bps: 0.1,',
      'EURGBP: { spread_bps: 0.5, commission_bps: 0.3,',
      'symbols.EURGBP.slippage_bps is missing',
    ],
    [
      'swaps that pay both sides',
      'minutehand.yaml',
      'slippage_bps: 0.1, swap_long_bps_per_night: 0.25, swap_short_bps_per_night: 0.25',
      'slippage_bps: 0.1, swap_long_bps_per_night: -0.5, swap_short_bps_per_night: 0.25',
      'symbols.GBPUSD.swap_long_bps_per_night is -0.5, and swap_short_bps_per_night 0.25: together they pay',
    ],
    [
      'θ1 outside its search range',
      'core_policy.yaml',
      'value: 0.70',
      'value: 0.90',
      'theta1_initial.value is 0.9, expected a value in its search range, from 0.6 to 0.85',
    ],
    [
      'θ2 outside its search range',
      'core_policy.yaml',
      'value: 0.30',
      'value: 0.10',
      'theta2_initial.value is 0.1, expected a value in its search range, from 0.2 to 0.45',
    ],
    [
      'a search range that descends',
      'core_policy.yaml',
      '[0.60, 0.85]',
      '[0.85, 0.60]',
      'theta_search_range.value.theta1 is [0.85, 0.6], expected [low, high]',
    ],
    [
      'a search range of three',
      'core_policy.yaml',
      '[0.60, 0.85]',
      '[0.60, 0.7, 0.85]',
      'theta_search_range.value.theta1 is [0.6,0.7,0.85], expected a list of 2',
    ],
    [
      'a short volatility window that is not shorter',
      'minutehand.yaml',
      'vol_short: 15',
      'vol_short: 240',
      'windows.vol_short is 240, expected less than windows.vol_long (240)',
    ],
    [
      'a short true range window that is not shorter',
      'minutehand.yaml',
      'atr_short: 14',
      'atr_short: 300',
      'windows.atr_short is 300, expected less than windows.atr_long (240)',
    ],
    [
      'an exit that is not below the entry',
      'minutehand.yaml',
      'z_exit: 0.5',
      'z_exit: 2',
      'decision.z_exit is 2, expected less than decision.z_entry (2)',
    ],
    [
      'a range of beta that descends',
      'minutehand.yaml',
      'beta_min: 0.05',
      'beta_min: 21',
      'decision.beta_min is 21, expected less than decision.beta_max (20)',
    ],
    [
      'a straggler time-out of an interval',
      'minutehand.yaml',
      'straggler_timeout_ms: 2000',
      'straggler_timeout_ms: 60000',
      'expected less than feed.interval_ms (60000)',
    ],
    [
      'a risk exit that the entry rule reaches',
      'minutehand.yaml',
      'risk_exit: 0.95',
      'risk_exit: 0.4',
      'decision.risk_exit is 0.4, expected at least the upper end of theta_search_range.theta2 (0.45)',
    ],
    [
      'one port for both processes',
      'minutehand.yaml',
      'port: 7401',
      'port: 7400',
      'transports.trainer.port is 7400, the port of the daemon, too',
    ],
    [
      'one table for two',
      'signals_policy.yaml',
      'core.signals_history',
      'core.signals_live',
      'signals_history_table.value is "core.signals_live", expected another table',
    ],
    [
      'signals that leave the journal before live KPIs are computed',
      'signals_policy.yaml',
      'value: 60',
      'value: 20',
      'signals_journal_days.value is 20, expected at least monitor_days (30)',
    ],
    [
      'a time of the archive that is none',
      'signals_policy.yaml',
      "value: '30 0 * * *'",
      'value: at night',
      'archive_cron.value is "at night", expected a cron expression such as "30 0 * * *"',
    ],
    [
      'a region that B2 does not have',
      'signals_policy.yaml',
      'value: LOCAL',
      'value: B2',
      'archive_region.value is "us-east-1", expected a region of B2 such as us-west-004',
    ],
    [
      'a column twice',
      'retrain_policy.yaml',
      '    - gate\n',
      '    - seed\n',
      'retrain_runs_columns.value[21] is "seed", which is listed here for the second time',
    ],
    ['no key column', 'retrain_policy.yaml', '    - run_id\n', '', 'retrain_runs_columns.value has no run_id'],
    [
      'a pair twice',
      'minutehand.yaml',
      '  - USDJPY_USDCHF',
      '  - XAUUSD_XAGUSD',
      'pairs[9] is "XAUUSD_XAGUSD", which is listed here for the second time',
    ],
    [
      'a pair of one symbol',
      'minutehand.yaml',
      '  - USDJPY_USDCHF',
      '  - USDJPY_USDJPY',
      'pairs[9] is "USDJPY_USDJPY", which has the same symbol on both legs',
    ],
    [
      'a pair whose symbol has no costs',
      'minutehand.yaml',
      '  - USDJPY_USDCHF',
      '  - USDJPI_USDCHF',
      'pairs[9] is "USDJPI_USDCHF", but symbols has no costs for USDJPI (did you mean "USDJPY"?)',
    ],
    [
      'a shard with an unknown pair',
      'minutehand.yaml',
      '  main: all',
      '  main: all\n  more: [XAUUSD_XAGUSB]',
      'shards.more[0] is "XAUUSD_XAGUSB", which is not one of pairs (did you mean "XAUUSD_XAGUSD"?)',
    ],
    [
      'shards that overlap',
      'minutehand.yaml',
      '  main: all',
      '  main: all\n  more: [XAUUSD_XAGUSD]',
      'shards.more[0] has XAUUSD_XAGUSD, which shard main already has',
    ],
    [
      'a pair twice in a shard',
      'minutehand.yaml',
      '  main: all',
      '  main: [XAUUSD_XAGUSD, XAUUSD_XAGUSD]',
      'shards.main[1] has XAUUSD_XAGUSD, which shard main already has',
    ],
    [
      'an unknown pair of a shard with a port',
      'minutehand.yaml',
      '  main: all',
      '  main: all\n  more: { pairs: [XAUUSD_XAGUSB], port: 7410 }',
      'shards.more.pairs[0] is "XAUUSD_XAGUSB", which is not one of pairs (did you mean "XAUUSD_XAGUSD"?)',
    ],
    [
      'a second shard without a port',
      'minutehand.yaml',
      '  main: all',
      '  main: all\n  more: [XAUUSD_XAGUSD]',
      'shards.more has no port of its own, and 7400 is that of shard main; expected more: { pairs: …, port: … }',
    ],
    [
      'two shards with one port',
      'minutehand.yaml',
      '  main: all',
      '  main: { pairs: all, port: 7410 }\n  more: { pairs: [XAUUSD_XAGUSD], port: 7410 }',
      'shards.more.port is 7410, the port of shard main, too',
    ],
    [
      'a shard with the port of the trainer',
      'minutehand.yaml',
      '  main: all',
      '  main: { pairs: all, port: 7401 }',
      'transports.trainer.port is 7401, the port of shard main, too',
    ],
    [
      'a pair in no shard',
      'minutehand.yaml',
      '  main: all',
      '  main: [XAUUSD_XAGUSD]',
      'shards leaves out AUDUSD_NZDUSD, EURUSD_GBPUSD',
    ],
  ])('such as %s is CONFIG_INVALID with key, value seen and expected value', (_, name, before, after, message) => {
    edit(name, before, after);
    const error = failure();
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(message);
    expect(error.message).toMatch(new RegExp(`${name.replace('.', '\\.')}:\\d+:\\d+: `));
  });

  it('is reported together with all others, and the error has the code of the severest', () => {
    edit('minutehand.yaml', 'z_entry: 2.0', 'z_entry: two');
    edit('minutehand.yaml', 'beta_window', 'beta_windwo');
    edit('minutehand.yaml', '  - USDJPY_USDCHF', '  - USDJPI_USDCHF');
    edit('core_policy.yaml', 'value: 0.70', 'value: 0.90');
    edit('retrain_policy.yaml', "'0 3 1 * *'", 'never');
    const error = failure({ MINUTEHAND_DAEMON_PORT: '-1' });
    expect(error.code).toBe('CONFIG_UNKNOWN_KEY');
    expect(error.message).toContain('Seen: 6 problems:\n');
    for (const key of [
      'decision.z_entry',
      'windows.beta_windwo',
      'pairs[9]',
      'theta1_initial',
      'retrain_cron',
      'DAEMON_PORT',
    ]) {
      expect(error.message).toContain(key);
    }
  });

  it('such as a folder where a bucket must be is CONFIG_INVALID', () => {
    edit('signals_policy.yaml', '  value: archive\n', '  value: /srv/archive\n');
    expect(failure({ ARCHIVE_TARGET: 'S3' }).message).toContain(
      'archive_path.value is "/srv/archive", expected bucket/',
    );
    expect(load().signals.archive_path).toBe('/srv/archive');
  });

  it('is not followed by errors that only result from it', () => {
    edit('minutehand.yaml', 'vol_short: 15', 'vol_short: 99999');
    expect(inspectSettings({ configDir, env: NO_ENV }).problems).toHaveLength(1);
  });

  it('of a variable names it: not the line of the file gave both processes one port', () => {
    const { problems } = inspectSettings({
      configDir,
      env: { MINUTEHAND_DAEMON_PORT: '7401', MINUTEHAND_MARKET: 'live' },
    });
    expect(problems.map(({ text }) => text)).toEqual([
      'is 7401, the port of the daemon, too; the environment sets MINUTEHAND_DAEMON_PORT',
    ]);
  });

  it('of one file does not hide those of another', () => {
    rmSync(join(configDir, 'signals_policy.yaml'));
    edit('minutehand.yaml', 'vol_short: 15', 'vol_short: 240');
    const { problems } = inspectSettings({ configDir, env: { MINUTEHAND_DAEMON_PORT: 'x' } });
    expect(problems).toEqual([
      expect.objectContaining({ code: 'CONFIG_MISSING', where: join(configDir, 'signals_policy.yaml') }),
      {
        code: 'CONFIG_INVALID',
        where: 'environment variable MINUTEHAND_DAEMON_PORT',
        key: '',
        text: 'is "x", expected a whole number from 0 to 65535',
      },
      expect.objectContaining({ code: 'CONFIG_INVALID', key: 'windows.vol_short' }),
    ]);
  });

  it.each(['1', 'null', '{ daemon: 1 }'])(
    'such as transports: %s leaves an environment variable without a place',
    (text) => {
      writeFileSync(join(configDir, 'minutehand.yaml'), `transports: ${text}\n`);
      expect(failure({ MINUTEHAND_DAEMON_PORT: '0' }).code).toBe('CONFIG_INVALID');
    },
  );

  it('does not reveal the password of an address', () => {
    edit('minutehand.yaml', 'redis://127.0.0.1:6379', 'http://me:secret@127.0.0.1:6379');
    const { message } = failure({ MINUTEHAND_REDIS_URL: 'me:hidden@127.0.0.1' });
    expect(message).toContain('transports.redis.url');
    expect(message).toContain('MINUTEHAND_REDIS_URL');
    expect(message).not.toMatch(/secret|hidden/);
  });
});

describe('shards', () => {
  it('divide the pairs among processes', () => {
    edit('minutehand.yaml', '  - USDJPY_USDCHF', '  - AUDNZD_EURGBP');
    const { pairs } = load().minutehand;
    const first = pairs.slice(0, 4);
    const second = pairs.slice(4);
    edit(
      'minutehand.yaml',
      '  main: all',
      `  metals: [${first.join(', ')}]\n  rest: { pairs: [${second.join(', ')}], port: 7410 }`,
    );
    const { minutehand } = load();
    expect(shardsOf(minutehand)).toEqual([
      { name: 'metals', pairs: first.map(parsePair), instruments: [], port: 7400 },
      { name: 'rest', pairs: second.map(parsePair), instruments: [], port: 7410 },
    ]);
    expect(shardPairs(minutehand, 'rest').map((pair) => pair.id)).toEqual(second);
    const { minutehand: elsewhere } = load({ MINUTEHAND_DAEMON_PORT: '8400' });
    expect(shardsOf(elsewhere).map(({ port }) => port)).toEqual([8400, 7410]);
  });

  it('have instruments after their pairs', () => {
    const minutehand = { ...load().minutehand, instruments: ['BTCUSDT@1h', 'ETHUSDT'] };
    const shards = { all: 'all', some: { pairs: ['ETHUSDT', 'XAUUSD_XAGUSD'], port: 7410 } } as const;
    const ids = (name: string) => shardSubjects({ ...minutehand, shards }, name).map(({ id }) => id);
    expect(ids('all')).toEqual([...minutehand.pairs, 'BTCUSDT@1h', 'ETHUSDT']);
    expect(ids('some')).toEqual(['XAUUSD_XAGUSD', 'ETHUSDT']);
    expect(shardPairs({ ...minutehand, shards }, 'some')).toEqual([parsePair('XAUUSD_XAGUSD')]);
  });

  it('may each take a free port', () => {
    const { pairs } = load().minutehand;
    edit(
      'minutehand.yaml',
      '  main: all',
      `  a: [${pairs.slice(0, 5).join(', ')}]\n  b: [${pairs.slice(5).join(', ')}]`,
    );
    expect(failure().message).toContain('shards.b has no port of its own');
    expect(shardsOf(load({ MINUTEHAND_DAEMON_PORT: '0' }).minutehand).map(({ port }) => port)).toEqual([0, 0]);
  });
});

describe('a setting', () => {
  it('of a shard that does not exist is CONFIG_INVALID with those that do', () => {
    const { minutehand } = load();
    for (const [name, hint] of [
      ['mian', ' (did you mean "main"?)'],
      ['constructor', ' (did you mean "main"?)'],
    ] as const)
      expect(() => shardPairs(minutehand, name)).toThrow(
        expect.objectContaining({
          code: 'CONFIG_INVALID',
          seen: `shard "${name}"${hint}`,
          expected: 'one of the shards of minutehand.yaml: main',
        }),
      );
  });

  it('names the file of all signals by shard where there are several', () => {
    const { minutehand } = load();
    expect(allSignalsFile(minutehand, 'main')).toBe('signals.json');
    expect(allSignalsFile({ ...minutehand, shards: { a: 'all', b: 'all' } }, 'b')).toBe('signals_b.json');
  });

  it('gives the interval of bars of the market, and how bars are screened', () => {
    const { minutehand } = load();
    expect(barIntervalMs({ minutehand: { ...minutehand, market: 'simulated' } })).toBe(1000);
    expect(barIntervalMs({ minutehand: { ...minutehand, market: 'live' } })).toBe(60_000);
    expect(screenPolicy({ minutehand })).toEqual(minutehand.screen);
    expect(
      screenPolicy({ minutehand: { ...minutehand, screen: { ...minutehand.screen, enabled: false } } }),
    ).toBeNull();
  });
});

describe('environment variables', () => {
  it('override the files and are named in the sources', () => {
    const settings = load({
      MINUTEHAND_MARKET: 'live',
      MINUTEHAND_DAEMON_PORT: '0',
      MINUTEHAND_TRAINER_PORT: '8401',
      MINUTEHAND_DAEMON_HOST: '0.0.0.0',
      MINUTEHAND_TRAINER_ALLOWED_HOSTS: 'machine, trainer.example',
      MINUTEHAND_REDIS_URL: 'rediss://user:pass@cache.example:6380/2',
      MINUTEHAND_LEASE_URL: 'postgres://lease.example/minutehand',
      ARCHIVE_TARGET: 'S3',
    });
    expect(settings.minutehand.lease.url).toBe('postgres://lease.example/minutehand');
    expect(settings.minutehand.transports.daemon.port).toBe(0);
    expect(settings.minutehand.transports.trainer.port).toBe(8401);
    expect(settings.minutehand.transports.daemon.host).toBe('0.0.0.0');
    expect(settings.minutehand.transports.trainer.allowed_hosts).toEqual(['machine', 'trainer.example']);
    expect(settings.minutehand.transports.redis.url).toBe('rediss://user:pass@cache.example:6380/2');
    expect(settings.signals.archive_target).toBe('S3');
    expect(settings.minutehand.market).toBe('live');
    expect(settings.sources.overrides).toEqual([
      { variable: 'MINUTEHAND_MARKET', setting: 'market' },
      { variable: 'MINUTEHAND_DAEMON_PORT', setting: 'transports.daemon.port' },
      { variable: 'MINUTEHAND_TRAINER_PORT', setting: 'transports.trainer.port' },
      { variable: 'MINUTEHAND_DAEMON_HOST', setting: 'transports.daemon.host' },
      { variable: 'MINUTEHAND_TRAINER_ALLOWED_HOSTS', setting: 'transports.trainer.allowed_hosts' },
      { variable: 'MINUTEHAND_REDIS_URL', setting: 'transports.redis.url' },
      { variable: 'MINUTEHAND_LEASE_URL', setting: 'lease.url' },
      { variable: 'ARCHIVE_TARGET', setting: 'archive_target' },
    ]);
  });

  it('count as not set when they are empty', () => {
    expect(load({ MINUTEHAND_DAEMON_PORT: '', ARCHIVE_TARGET: '' }).sources.overrides).toEqual([]);
  });

  it.each([
    ['MINUTEHAND_DAEMON_PORT', '65536'],
    ['MINUTEHAND_DAEMON_PORT', '-1'],
    ['MINUTEHAND_DAEMON_PORT', '7400.5'],
    ['MINUTEHAND_DAEMON_PORT', '0x1ce8'],
    ['MINUTEHAND_DAEMON_PORT', ' '],
    ['MINUTEHAND_TRAINER_PORT', 'http'],
    ['MINUTEHAND_DAEMON_HOST', 'http://0.0.0.0'],
    ['MINUTEHAND_REDIS_URL', 'localhost:6379'],
    ['ARCHIVE_TARGET', 'local'],
  ])('%s=%j is CONFIG_INVALID', (variable, text) => {
    const error = failure({ [variable]: text });
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(`environment variable ${variable}: is ${JSON.stringify(text)}, expected `);
  });

  it('are checked against the files: two processes cannot share a port', () => {
    expect(failure({ MINUTEHAND_TRAINER_PORT: '7400' }).message).toContain('the port of the daemon, too');
    expect(load({ MINUTEHAND_TRAINER_PORT: '0', MINUTEHAND_DAEMON_PORT: '0' }).minutehand.transports.trainer.port).toBe(
      0,
    );
  });
});

describe('policyHash', () => {
  it('is sixteen hex digits and stays the same when labels, comments, order or spelling of numbers change', () => {
    const before = load().policyHash;
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    edit('core_policy.yaml', 'value: 0.70', 'value: 7e-1 # as before');
    edit('core_policy.yaml', '優位性の必須化', '優位性');
    edit('minutehand.yaml', '  stop: 1.5\n', '');
    edit('minutehand.yaml', 'decision:\n', 'decision:\n  stop: 1.50\n');
    expect(load().policyHash).toBe(before);
  });

  it('does not change with keys that affect no decision', () => {
    const before = load().policyHash;
    edit('minutehand.yaml', 'folds: 5', 'folds: 6');
    expect(load({ MINUTEHAND_DAEMON_PORT: '9' }).policyHash).toBe(before);
  });

  it.each([
    ['core_policy.yaml', 'value: true', 'value: false'],
    ['core_policy.yaml', 'value: 0.70', 'value: 0.71'],
    ['minutehand.yaml', 'stop: 1.5', 'stop: 1.6'],
  ])('changes with %s, %s', (name, before, after) => {
    const hash = load().policyHash;
    edit(name, before, after);
    expect(load().policyHash).not.toBe(hash);
  });
});
