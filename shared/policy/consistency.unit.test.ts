import { describe, expect, it } from 'vitest';
import { findInconsistencies, ownPort, pairList, type Parts } from './consistency.ts';
import { loadSettings } from './policy.ts';

/** The delivered values, to be changed at will. */
type Changeable<T> = T extends object ? { -readonly [Key in keyof T]: Changeable<T[Key]> } : T;
type Values = Changeable<Parts>;

const { core, retrain, signals, minutehand } = loadSettings({ env: {} });
const found = (change: (parts: Values) => void, isFaulty = (_path: string): boolean => false): string[] => {
  const parts = structuredClone({ core, retrain, signals, minutehand }) as unknown as Values;
  change(parts);
  return findInconsistencies(parts, (part, path) => isFaulty([part, ...path].join('.'))).map(
    ({ part, path, text }) => `${part} ${path.join('.')} ${text}`,
  );
};

describe('consistent values', () => {
  it.each<[string, (parts: Values) => void]>([
    ['the delivered ones', () => undefined],
    [
      'θ1 at the lower end of its search range',
      ({ core }) => (core.theta1_initial = core.theta_search_range.theta1[0]),
    ],
    [
      'θ2 at the upper end of its search range',
      ({ core }) => (core.theta2_initial = core.theta_search_range.theta2[1]),
    ],
    ['as many KPI trades as the window', ({ retrain }) => (retrain.kpi_min_trades = retrain.kpi_window_trades)],
    [
      'a journal kept for monitor_days',
      ({ signals, retrain }) => (signals.signals_journal_days = retrain.monitor_days),
    ],
    ['a journal kept for ever', ({ signals }) => (signals.signals_journal_days = null)],
    [
      'a risk exit at the end of the θ2 range',
      (p) => (p.minutehand.decision.risk_exit = p.core.theta_search_range.theta2[1]),
    ],
    [
      'a region of B2',
      ({ signals }) =>
        Object.assign(signals, { archive_target: 'B2', archive_path: 'abc', archive_region: 'us-west-004' }),
    ],
    [
      'a delivery to a pinned host',
      ({ retrain }) =>
        Object.assign(retrain, {
          delivery_target: 'sftp://a@b.example/models',
          delivery_host_keys: [`SHA256:${'a'.repeat(43)}`],
        }),
    ],
    [
      'an endpoint instead of a region of B2',
      ({ signals }) =>
        Object.assign(signals, { archive_target: 'B2', archive_path: 'abc', archive_endpoint: 'https://b2.example' }),
    ],
    [
      'swaps that cancel out',
      ({ minutehand }) =>
        Object.assign(minutehand.symbols.EURUSD!, { swap_long_bps_per_night: -0.5, swap_short_bps_per_night: 0.5 }),
    ],
    [
      'an archive in a shared folder',
      ({ signals }) => Object.assign(signals, { archive_target: 'NAS', archive_path: '/srv/a' }),
    ],
    [
      'steps of leverage with rates that do not rise',
      ({ core }) => {
        core.leverage_reduction_rate.drawdown = [
          [0.05, 0.5],
          [0.1, 0.5],
        ];
        core.leverage_reduction_rate.risk_score = [
          [0.1, 1],
          [0.2, 0.9],
          [0.21, 0.1],
        ];
      },
    ],
    ['entry windows up to midnight', ({ core }) => (core.no_entry_windows = ['22:00-24:00', 'Fri 00:00-00:01'])],
    [
      'columns with types that fit',
      ({ retrain }) =>
        (retrain.retrain_runs_columns = [{ name: 'run_id', type: 'UUID' }, { name: 'seed', type: 'bigint' }, 'gate']),
    ],
    [
      'instruments in a shard of their own',
      ({ minutehand: m }) => {
        m.instruments = ['BTCUSDT@1h', 'BTCUSDT'];
        m.shards = { main: m.pairs, more: { pairs: ['BTCUSDT', 'BTCUSDT@1h'], port: 7410 } };
      },
    ],
    [
      'a schedule of each hour',
      ({ retrain, signals }) => {
        retrain.retrain_cron = '15 * * * *';
        retrain.retrain_incremental_cron = '*/60 */2 * * 1-5';
        signals.archive_cron = ' 0  * * * *';
      },
    ],
    ['a weekly schedule', ({ retrain }) => (retrain.retrain_weekly_cron = '0 4 * * 6')],
    [
      'three shards on free ports',
      ({ minutehand: m }) => {
        m.transports.daemon.port = 0;
        m.shards = { a: [m.pairs[0]!], b: { pairs: [m.pairs[1]!], port: 0 }, c: m.pairs.slice(2) };
      },
    ],
  ])('such as %s have no finding', (_, change) => {
    expect(found(change)).toEqual([]);
  });

  it.each(['archive', 'a.b-1', '1ab/x', "bucket/prefix/More_.*'()=!-/", 'a'.repeat(63)])(
    'are S3 and bucket path %j',
    (path) => {
      expect(found(({ signals }) => Object.assign(signals, { archive_target: 'S3', archive_path: path }))).toEqual([]);
    },
  );
});

describe('values that contradict each other', () => {
  it.each(['ab', 'a'.repeat(64), 'Abc', '-ab', 'abc-', 'abc//d', '/abc', 'abc/d e', 'abc/d//'])(
    'are S3 and bucket path %j',
    (path) => {
      expect(found(({ signals }) => Object.assign(signals, { archive_target: 'S3', archive_path: path }))).toEqual([
        `signals archive_path is "${path}", expected bucket/prefix, the bucket in small letters, digits, dots and hyphens (archive_target is S3)`,
      ]);
    },
  );

  it.each<[string, (parts: Values) => void, ...string[]]>([
    [
      'a region of B2 with more behind it',
      ({ signals }) =>
        Object.assign(signals, { archive_target: 'B2', archive_path: 'abc', archive_region: 'us-west-004x' }),
      'signals archive_region is "us-west-004x", expected a region of B2 such as us-west-004',
    ],
    [
      'a delivery to any host that answers',
      ({ retrain }) => Object.assign(retrain, { delivery_target: 'sftp://a@b.example/models' }),
      'retrain delivery_host_keys is empty, expected the fingerprint of the host key of delivery_target, SHA256:… of `ssh-keygen -lf`',
    ],
    [
      'θ1 and θ2 outside their search ranges',
      ({ core }) => {
        core.theta1_initial = 0.59;
        core.theta2_initial = 0.46;
      },
      'core theta1_initial is 0.59, expected a value in its search range, from 0.6 to 0.85',
      'core theta2_initial is 0.46, expected a value in its search range, from 0.2 to 0.45',
    ],
    [
      'a risk exit below the θ2 range',
      ({ minutehand }) => (minutehand.decision.risk_exit = 0.44),
      'minutehand decision.risk_exit is 0.44, expected at least the upper end of theta_search_range.theta2 (0.45)',
    ],
    [
      'a shard with an unknown pair, and without a port of its own',
      ({ minutehand: m }) => (m.shards = { main: 'all', more: ['XAUUSD_XAGUSB'] }),
      'minutehand shards.more.0 is "XAUUSD_XAGUSB", which is not one of pairs (did you mean "XAUUSD_XAGUSD"?)',
      'minutehand shards.more has no port of its own, and 7400 is that of shard main; expected more: { pairs: …, port: … }',
    ],
    [
      'a KPI window that is too short',
      ({ retrain }) => (retrain.kpi_min_trades = retrain.kpi_window_trades + 1),
      'retrain kpi_min_trades is 51, expected at most kpi_window_trades (50)',
    ],
    [
      'a journal that is too short',
      ({ signals }) => (signals.signals_journal_days = 29),
      'signals signals_journal_days is 29, expected at least monitor_days (30): live KPIs are computed from the journal',
    ],
    [
      'a weekly schedule that is none',
      ({ retrain }) => (retrain.retrain_weekly_cron = '* * * * * *'),
      'retrain retrain_weekly_cron is "* * * * * *", expected a cron expression such as "0 4 * * 6" (minute hour day month weekday, UTC)',
    ],
    [
      'schedules of more than one time an hour',
      ({ retrain, signals }) => {
        retrain.retrain_cron = '* * * * *';
        retrain.retrain_incremental_cron = '0,30 3 * * *';
        signals.archive_cron = '*/59 0 * * *';
      },
      'retrain retrain_cron is "* * * * *", which is more than once an hour; expected one minute, such as "0 3 1 * *"',
      'retrain retrain_incremental_cron is "0,30 3 * * *", which is more than once an hour; expected one minute, such as "30 22 * * *"',
      'signals archive_cron is "*/59 0 * * *", which is more than once an hour; expected one minute, such as "30 0 * * *"',
    ],
    [
      'a schedule that is none',
      ({ retrain }) => (retrain.retrain_weekly_cron = 'x'),
      'retrain retrain_weekly_cron is "x", expected a cron expression such as "0 4 * * 6" (minute hour day month weekday, UTC)',
    ],
    [
      'steps of leverage that do not ascend, or with a rate that rises',
      ({ core }) => {
        core.leverage_reduction_rate.drawdown = [
          [0.05, 0.5],
          [0.05, 0.4],
        ];
        core.leverage_reduction_rate.risk_score = [
          [0.1, 0.9],
          [0.2, 0.5],
          [0.3, 0.6],
        ];
      },
      'core leverage_reduction_rate.drawdown.1 is [0.05, 0.4] behind [0.05, 0.5], expected ascending values with rates that do not rise',
      'core leverage_reduction_rate.risk_score.2 is [0.3, 0.6] behind [0.2, 0.5], expected ascending values with rates that do not rise',
    ],
    [
      'entry windows that end at or before their start',
      ({ core }) => (core.no_entry_windows = ['16:45-18:15', '23:00-01:00', 'Sun 10:00-10:00']),
      'core no_entry_windows.1 is "23:00-01:00", expected a start before the end; split a window at midnight',
      'core no_entry_windows.2 is "Sun 10:00-10:00", expected a start before the end; split a window at midnight',
    ],
    [
      'schedules that are none',
      ({ retrain, signals }) => {
        Object.assign(retrain, { retrain_cron: 'a', notification_self_test_cron: 'b', parity_cron: 'c' });
        Object.assign(retrain, { report_cron: 'd', daily_summary_cron: 'g', retrain_incremental_cron: 'e' });
        signals.archive_cron = 'f';
      },
      ...(
        [
          ['retrain retrain_cron is "a"', '0 3 1 * *'],
          ['retrain notification_self_test_cron is "b"', '0 9 * * 1'],
          ['retrain parity_cron is "c"', '30 1 * * *'],
          ['retrain report_cron is "d"', '0 6 * * 1'],
          ['retrain daily_summary_cron is "g"', '15 0 * * *'],
          ['retrain retrain_incremental_cron is "e"', '30 22 * * *'],
          ['signals archive_cron is "f"', '30 0 * * *'],
        ] as const
      ).map(
        ([found, example]) =>
          `${found}, expected a cron expression such as "${example}" (minute hour day month weekday, UTC)`,
      ),
    ],
    [
      'a type that does not fit its column',
      ({ retrain }) => (retrain.retrain_runs_columns = ['run_id', { name: 'metrics', type: 'text' }]),
      'retrain retrain_runs_columns.1.type is "text", expected one of json, jsonb (metrics)',
    ],
    [
      'an instrument twice',
      ({ minutehand: m }) => (m.instruments = ['BTCUSDT@1h', 'BTCUSDT', 'BTCUSDT@1h']),
      'minutehand instruments.2 is "BTCUSDT@1h", which is listed here for the second time',
    ],
    [
      'an instrument in no shard',
      ({ minutehand: m }) => {
        m.shards = { main: m.pairs };
        m.instruments = ['BTCUSDT@1h'];
      },
      'minutehand shards leaves out BTCUSDT@1h: every pair needs a shard',
    ],
    [
      'a search range of one value',
      ({ core }) => {
        core.theta_search_range.theta1 = [0.7, 0.7];
        core.theta_search_range.theta2 = [0.3, 0.3];
      },
      'core theta_search_range.theta1 is [0.7, 0.7], expected [low, high]',
      'core theta_search_range.theta2 is [0.3, 0.3], expected [low, high]',
    ],
    [
      'a HALT that is not after the silence',
      ({ minutehand }) => (minutehand.feed.silence_halt_intervals = 2.5),
      'minutehand feed.silence_degraded_intervals is 2.5, expected less than feed.silence_halt_intervals (2.5)',
    ],
    [
      'columns of a table',
      ({ retrain }) => (retrain.retrain_runs_columns = ['seed', 'gate', 'seed'] as never),
      'retrain retrain_runs_columns.2 is "seed", which is listed here for the second time',
      'retrain retrain_runs_columns has no run_id, the key of the table',
    ],
    [
      'one table for two',
      ({ signals }) => (signals.signals_history_table = signals.signals_table),
      'signals signals_history_table is "core.signals_live", expected another table than signals_table',
    ],
    [
      'two names of one table, where there are no schemas',
      ({ signals }) => Object.assign(signals, { signals_table: 'own.live_x', signals_history_table: 'own_live.x' }),
      'signals signals_history_table is "own_live.x", expected another table than signals_table',
    ],
    [
      'the view that is made beside another table',
      ({ signals }) => (signals.signals_table = 'core.signals_history_policy'),
      'signals signals_history_table is "core.signals_history", expected another table than signals_table',
    ],
    [
      'the index that is made beside a table of signals',
      ({ retrain }) => (retrain.retrain_runs_table = 'core.signals_live_for_charts'),
      'retrain retrain_runs_table is "core.signals_live_for_charts", expected another table than those of signals',
    ],
    [
      'swaps that pay both sides',
      ({ minutehand }) =>
        Object.assign(minutehand.symbols.EURUSD!, { swap_long_bps_per_night: 0.2, swap_short_bps_per_night: -0.3 }),
      'minutehand symbols.EURUSD.swap_long_bps_per_night is 0.2, and swap_short_bps_per_night -0.3: together they pay a position on both sides; expected positive for what is paid, negative for what is received',
    ],
    [
      'a spread that is a share of the price',
      ({ minutehand }) => (minutehand.symbols.EURUSD!.spread_bps = 0.00002),
      'minutehand symbols.EURUSD.spread_bps is 0.00002, expected 0, or at least 0.001: basis points (0.2 for a share of 0.00002)',
    ],
    [
      'a swap that is a hundred times too large',
      ({ minutehand }) => (minutehand.symbols.EURUSD!.swap_long_bps_per_night = 81),
      'minutehand symbols.EURUSD.swap_long_bps_per_night is 81, expected at most 50 either way: basis points a night, not points or a rate a year',
    ],
    [
      'a pair twice',
      ({ minutehand: m }) => (m.pairs = [...m.pairs, m.pairs[0]!]),
      'minutehand pairs.10 is "XAUUSD_XAGUSD", which is listed here for the second time',
    ],
    [
      'a pair in two groups',
      ({ minutehand: m }) => (m.train.groups = { metals: ['XAUUSD_XAGUSD'], all: ['EURUSD_GBPUSD', 'XAUUSD_XAGUSD'] }),
      'minutehand train.groups.all.1 is "XAUUSD_XAGUSD", which is in group metals already',
    ],
    [
      'a group with a pair that is not configured',
      ({ minutehand: m }) => (m.train.groups = { metals: ['XAUUSD_XAGUSB'] }),
      'minutehand train.groups.metals.0 is "XAUUSD_XAGUSB", which is not in pairs (did you mean "XAUUSD_XAGUSD"?)',
    ],
    [
      'a pair of one symbol without costs',
      ({ minutehand: m }) => {
        m.pairs = ['AAAAAA_AAAAAA', 'EURUSD_QQQQQQ'];
      },
      'minutehand pairs.0 is "AAAAAA_AAAAAA", which has the same symbol on both legs',
      expect.stringMatching(
        /^minutehand pairs.1 is "EURUSD_QQQQQQ", but symbols has no costs for QQQQQQ \(did you mean /,
      ) as string,
    ],
    [
      'a pair twice in a shard',
      ({ minutehand: m }) => (m.shards = { main: [...m.pairs, m.pairs[0]!] }),
      'minutehand shards.main.10 has XAUUSD_XAGUSD, which shard main already has',
    ],
    [
      'shards that leave pairs out',
      ({ minutehand: m }) => (m.shards = { main: m.pairs.slice(2) }),
      'minutehand shards leaves out XAUUSD_XAGUSD, AUDUSD_NZDUSD: every pair needs a shard',
    ],
    [
      'two shards with all pairs, one port and the trainer on it',
      ({ minutehand: m }) => {
        m.pairs = m.pairs.slice(0, 1);
        m.shards = { a: { pairs: 'all', port: 7401 }, b: { pairs: [], port: 7401 }, c: { pairs: 'all', port: 7402 } };
      },
      'minutehand shards.c.pairs has XAUUSD_XAGUSD, which shard a already has',
      'minutehand shards.b.port is 7401, the port of shard a, too',
      'minutehand transports.trainer.port is 7401, the port of shard a, too',
    ],
    [
      'a trainer on the port of the daemon',
      ({ minutehand: m }) => (m.transports.trainer.port = 7400),
      'minutehand transports.trainer.port is 7400, the port of the daemon, too',
    ],
    [
      'a start in a month that does not exist',
      ({ minutehand: m }) => (m.simulated.start = '2024-13-01T00:00:00Z'),
      'minutehand simulated.start is "2024-13-01T00:00:00Z", which is not a day and time that exists',
    ],
  ])('are %s', (_, change, ...texts) => {
    expect(found(change)).toEqual(texts);
  });

  it('are not checked where one of them is itself faulty', () => {
    const change = ({ minutehand }: Values): unknown => (minutehand.windows.vol_short = minutehand.windows.vol_long);
    expect(found(change)).toHaveLength(1);
    expect(found(change, (path) => path === 'minutehand.windows.vol_long')).toEqual([]);
    expect(found(change, (path) => path === 'minutehand.windows.vol_short')).toEqual([]);
    expect(found(change, (path) => path === 'minutehand.windows.atr_short')).toHaveLength(1);
  });
});

describe('a shard', () => {
  it('is a list of pairs, all of them, or either with a port', () => {
    expect([pairList('all'), pairList(['A_B']), pairList({ pairs: 'all', port: 1 })]).toEqual(['all', ['A_B'], 'all']);
    expect([ownPort('all'), ownPort(['A_B']), ownPort({ pairs: 'all', port: 1 })]).toEqual([null, null, 1]);
  });
});
