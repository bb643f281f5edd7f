import { createTask, validate as isCron } from 'node-cron';
import { ARCHIVE_TARGETS, isFolderTarget } from '../archive_targets.ts';
import { isS3Address } from '../blob/s3_address.ts';
import { parseEntryWindows } from '../core/cost/entry_window.ts';
import { parsePair } from '../pair.ts';
import type { Pair } from '../pair.ts';
import type { KeyPath } from './file_check.ts';
import { COST_EXPECTED, isInOtherUnit, MOST_SWAP_BPS } from './cost_units.ts';
import { fitsKind, runColumn, runColumnKind, typesOfKind } from './run_columns.ts';
import {
  type ConfigPart,
  type CorePolicy,
  type MinutehandSettings,
  type RetrainPolicy,
  type SignalsPolicy,
} from './schema.ts';
import { didYouMean } from './spelling.ts';
import { groupProblems } from './subject_groups.ts';

/** The values of all four files. */
export interface Parts {
  readonly core: CorePolicy;
  readonly retrain: RetrainPolicy;
  readonly signals: SignalsPolicy;
  readonly minutehand: MinutehandSettings;
}

/** A value that is valid alone and inconsistent with another. */
export interface Inconsistency {
  readonly part: ConfigPart;
  /** Path in the values, i.e. without the `.value` of a policy file. */
  readonly path: KeyPath;
  readonly text: string;
}

interface Rule {
  /** `part.key.key`: the rule is checked only when none of these, nothing above and nothing below them is faulty. */
  readonly needs: readonly string[];
  check(parts: Parts): readonly Inconsistency[];
}

/** A rule about two numbers of which the first must be the smaller. */
function below(part: ConfigPart, section: string, small: string, large: string): Rule {
  return {
    needs: [`${part}.${section}.${small}`, `${part}.${section}.${large}`],
    check(parts) {
      const values = (parts[part] as unknown as Record<string, Record<string, number>>)[section]!;
      const low = values[small]!;
      const high = values[large]!;
      if (low < high) return [];
      return [{ part, path: [section, small], text: `is ${low}, expected less than ${section}.${large} (${high})` }];
    },
  };
}

function thetaInRange(theta: 'theta1' | 'theta2'): Rule {
  return {
    needs: [`core.${theta}_initial`, `core.theta_search_range`],
    check({ core }) {
      const [low, high] = core.theta_search_range[theta];
      const value = core[`${theta}_initial`];
      if (value >= low && value <= high) return [];
      const text = `is ${value}, expected a value in its search range, from ${low} to ${high}`;
      return [{ part: 'core', path: [`${theta}_initial`], text }];
    },
  };
}

const windowsRule: Rule = {
  needs: ['core.no_entry_windows'],
  check({ core }) {
    return core.no_entry_windows.flatMap((text, i) => {
      if (parseEntryWindows([text]).every(({ from, to }) => from < to)) return [];
      const path = ['no_entry_windows', `${i}`];
      return [
        { part: 'core', path, text: `is "${text}", expected a start before the end; split a window at midnight` },
      ];
    });
  },
};

function searchRangeAscends(theta: 'theta1' | 'theta2'): Rule {
  return {
    needs: ['core.theta_search_range'],
    check({ core }) {
      const [low, high] = core.theta_search_range[theta];
      if (low < high) return [];
      return [
        { part: 'core', path: ['theta_search_range', theta], text: `is [${low}, ${high}], expected [low, high]` },
      ];
    },
  };
}

/** A step further out must not allow a larger size than the one before it. */
function rateStepsRule(by: 'drawdown' | 'risk_score'): Rule {
  return {
    needs: ['core.leverage_reduction_rate'],
    check({ core }) {
      const steps = core.leverage_reduction_rate[by];
      const wrong = steps.findIndex(
        ([from, rate], i) => i > 0 && (from <= steps[i - 1]![0] || rate > steps[i - 1]![1]),
      );
      if (wrong < 0) return [];
      const text = `is [${steps[wrong]!.join(', ')}] behind [${steps[wrong - 1]!.join(', ')}], expected ascending values with rates that do not rise`;
      return [{ part: 'core', path: ['leverage_reduction_rate', by, wrong], text }];
    },
  };
}

const CRON_FIELDS = 5;
const HOUR_MS = 3_600_000;

/** Whether the times of a cron expression are an hour or more apart: its first field names one minute. */
function isHourlyAtMost(cron: string): boolean {
  const [minute] = cron.trim().split(/\s+/);
  const task = createTask(`${minute} * * * *`, () => undefined, { timezone: 'Etc/UTC' });
  try {
    const [first, second] = task.getNextRuns(2).map((time) => time.getTime());
    return second! - first! >= HOUR_MS;
  } finally {
    void task.destroy();
  }
}

function cronRule(part: 'retrain' | 'signals', key: string, example: string): Rule {
  return {
    needs: [`${part}.${key}`],
    check(parts) {
      const cron = (parts[part] as unknown as Record<string, string | null>)[key] ?? null;
      if (cron === null) return [];
      // node-cron takes a sixth field, seconds: a training every second.
      const isOne = isCron(cron) && cron.trim().split(/\s+/).length === CRON_FIELDS;
      // A full training takes minutes to hours, and each other work is about a day or more: none is new sooner.
      if (isOne && isHourlyAtMost(cron)) return [];
      if (isOne) {
        const often = `is "${cron}", which is more than once an hour; expected one minute, such as "${example}"`;
        return [{ part, path: [key], text: often }];
      }
      const text = `is "${cron}", expected a cron expression such as "${example}" (minute hour day month weekday, UTC)`;
      return [{ part, path: [key], text }];
    },
  };
}

/**
 * What a table and the view and index that are made beside it are called where there are no schemas: in SQLite `a.b_c`
 * and `a_b.c` are one table.
 */
function namesOf(table: string): string[] {
  const flat = table.replace('.', '_');
  return [flat, `${flat}_policy`, `${flat}_for_charts`];
}

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
function isBucketPath(path: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[A-Za-z0-9!_.*'()=-]+)*\/?$/.test(path);
}

/** The pair of an id, or null when both legs are the same symbol. */
function pairOf(id: string): Pair | null {
  try {
    return parsePair(id);
  } catch {
    return null;
  }
}

/** The first index of each id that occurs earlier in the list. */
function repeated(list: readonly string[]): number[] {
  return list.flatMap((item, index) => (list.indexOf(item) < index ? [index] : []));
}

const pairsRule: Rule = {
  needs: ['minutehand.pairs'],
  check({ minutehand: { pairs } }) {
    const twice = repeated(pairs).map((index) => ({ index, text: 'is listed here for the second time' }));
    const alike = pairs.flatMap((id, index) =>
      pairOf(id) === null ? [{ index, text: 'has the same symbol on both legs' }] : [],
    );
    return [...twice, ...alike].map(({ index, text }) => ({
      part: 'minutehand',
      path: ['pairs', index],
      text: `is "${pairs[index]}", which ${text}`,
    }));
  },
};

const groupsRule: Rule = {
  needs: ['minutehand.pairs', 'minutehand.train'],
  check({ minutehand: { pairs, train } }) {
    return groupProblems(train.groups ?? {}, pairs).map(({ group, index, text }) => ({
      part: 'minutehand',
      path: ['train', 'groups', group, index],
      text,
    }));
  },
};

const instrumentsRule: Rule = {
  needs: ['minutehand.instruments'],
  check({ minutehand: { instruments } }) {
    return repeated(instruments).map((index) => ({
      part: 'minutehand',
      path: ['instruments', index],
      text: `is "${instruments[index]}", which is listed here for the second time`,
    }));
  },
};

const costsRule: Rule = {
  needs: ['minutehand.pairs', 'minutehand.symbols'],
  check({ minutehand: { pairs, symbols } }) {
    return pairs.flatMap((id, index) => {
      const pair = pairOf(id);
      const legs = pair === null ? [] : [pair.a, pair.b];
      return legs
        .filter((leg) => !Object.hasOwn(symbols, leg))
        .map((leg): Inconsistency => {
          const hint = didYouMean(leg, Object.keys(symbols));
          return {
            part: 'minutehand',
            path: ['pairs', index],
            text: `is "${id}", but symbols has no costs for ${leg}${hint}`,
          };
        });
    });
  },
};

/** No broker pays both sides: their sum below zero is a sign put the wrong way round. */
const swapsRule: Rule = {
  needs: ['minutehand.symbols'],
  check({ minutehand: { symbols } }) {
    return Object.entries(symbols).flatMap(([symbol, costs]): Inconsistency[] => {
      const { swap_long_bps_per_night: long, swap_short_bps_per_night: short } = costs;
      if (long + short >= 0) return [];
      const text = `is ${long}, and swap_short_bps_per_night ${short}: together they pay a position on both sides; expected positive for what is paid, negative for what is received`;
      return [{ part: 'minutehand', path: ['symbols', symbol, 'swap_long_bps_per_night'], text }];
    });
  },
};

/** Costs that are no basis points: a share of the price, points, or percent a year. */
const costUnitsRule: Rule = {
  needs: ['minutehand.symbols'],
  check({ minutehand: { symbols } }) {
    return Object.entries(symbols).flatMap(([symbol, costs]): Inconsistency[] => {
      const of = (name: keyof typeof costs, text: string): Inconsistency => ({
        part: 'minutehand',
        path: ['symbols', symbol, name],
        text: `is ${String(costs[name])}, expected ${text}`,
      });
      const shares = (['spread_bps', 'commission_bps', 'slippage_bps'] as const).filter((name) =>
        isInOtherUnit(costs[name]),
      );
      const swaps = (['swap_long_bps_per_night', 'swap_short_bps_per_night'] as const).filter(
        (name) => Math.abs(costs[name]) > MOST_SWAP_BPS,
      );
      return [
        ...shares.map((name) => of(name, COST_EXPECTED)),
        ...swaps.map((name) =>
          of(name, `at most ${MOST_SWAP_BPS} either way: basis points a night, not points or a rate a year`),
        ),
      ];
    });
  },
};

type ShardSetting = MinutehandSettings['shards'][string];

/** The pairs of a shard as the file has them. */
export function pairList(shard: ShardSetting): 'all' | readonly string[] {
  return typeof shard === 'object' && 'pairs' in shard ? shard.pairs : shard;
}

/** The port that a shard names, or null. */
export function ownPort(shard: ShardSetting): number | null {
  return typeof shard === 'object' && 'port' in shard ? shard.port : null;
}

const shardsRule: Rule = {
  needs: ['minutehand.pairs', 'minutehand.instruments', 'minutehand.shards'],
  check({ minutehand: { pairs, instruments, shards } }) {
    const subjects = [...pairs, ...instruments];
    const findings: Inconsistency[] = [];
    const owner = new Map<string, string>();
    for (const [shard, setting] of Object.entries(shards)) {
      const list = pairList(setting);
      const section = setting === list ? ['shards', shard] : ['shards', shard, 'pairs'];
      (list === 'all' ? subjects : list).forEach((id, index) => {
        const path = list === 'all' ? section : [...section, index];
        const before = owner.get(id);
        if (!subjects.includes(id)) {
          const text = `is "${id}", which is not one of pairs${didYouMean(id, subjects)}`;
          findings.push({ part: 'minutehand', path, text });
        } else if (before !== undefined && !(list === 'all' && before === shard)) {
          findings.push({ part: 'minutehand', path, text: `has ${id}, which shard ${before} already has` });
        } else owner.set(id, shard);
      });
    }
    const left = subjects.filter((id) => !owner.has(id));
    if (left.length > 0) {
      findings.push({
        part: 'minutehand',
        path: ['shards'],
        text: `leaves out ${left.join(', ')}: every pair needs a shard`,
      });
    }
    return findings;
  },
};

/** Every process has a port of its own; port 0 is a free one. */
const portsRule: Rule = {
  needs: ['minutehand.shards', 'minutehand.transports.daemon', 'minutehand.transports.trainer'],
  check({ minutehand: { shards, transports } }) {
    const { daemon, trainer } = transports;
    const findings: Inconsistency[] = [];
    const owner = new Map<number, string>();
    for (const [shard, setting] of Object.entries(shards)) {
      const own = ownPort(setting);
      const port = own ?? daemon.port;
      const before = owner.get(port);
      if (port === 0) continue;
      if (before === undefined) owner.set(port, shard);
      else if (own !== null) {
        findings.push({
          part: 'minutehand',
          path: ['shards', shard, 'port'],
          text: `is ${port}, the port of shard ${before}, too`,
        });
      } else {
        const text = `has no port of its own, and ${port} is that of shard ${before}; expected ${shard}: { pairs: …, port: … }`;
        findings.push({ part: 'minutehand', path: ['shards', shard], text });
      }
    }
    const shard = owner.get(trainer.port);
    if (shard !== undefined) {
      const whose = ownPort(shards[shard]!) === null ? 'the daemon' : `shard ${shard}`;
      const text = `is ${trainer.port}, the port of ${whose}, too`;
      findings.push({ part: 'minutehand', path: ['transports', 'trainer', 'port'], text });
    }
    return findings;
  },
};

const runColumnsRule: Rule = {
  needs: ['retrain.retrain_runs_columns'],
  check({ retrain }) {
    const columns = retrain.retrain_runs_columns.map(runColumn);
    const names = columns.map(({ name }) => name);
    const finding = (path: readonly (string | number)[], text: string): Inconsistency => ({
      part: 'retrain',
      path: ['retrain_runs_columns', ...path],
      text,
    });
    const twice = repeated(names).map((at) =>
      finding([at], `is "${names[at]}", which is listed here for the second time`),
    );
    const types = columns.flatMap(({ name, type }, at): Inconsistency[] => {
      const kind = runColumnKind(name);
      if (type === null || fitsKind(type, kind)) return [];
      return [finding([at, 'type'], `is "${type}", expected one of ${typesOfKind(kind).join(', ')} (${name})`)];
    });
    const key = names.includes('run_id') ? [] : [finding([], 'has no run_id, the key of the table')];
    return [...twice, ...types, ...key];
  },
};

const RULES: readonly Rule[] = [
  searchRangeAscends('theta1'),
  searchRangeAscends('theta2'),
  thetaInRange('theta1'),
  thetaInRange('theta2'),
  rateStepsRule('drawdown'),
  rateStepsRule('risk_score'),
  cronRule('retrain', 'retrain_cron', '0 3 1 * *'),
  cronRule('retrain', 'retrain_weekly_cron', '0 4 * * 6'),
  cronRule('retrain', 'retrain_direction_cron', '0 5 * * 0'),
  cronRule('retrain', 'rule_search_cron', '0 7 * * 0'),
  cronRule('retrain', 'notification_self_test_cron', '0 9 * * 1'),
  cronRule('retrain', 'parity_cron', '30 1 * * *'),
  cronRule('retrain', 'report_cron', '0 6 * * 1'),
  cronRule('retrain', 'daily_summary_cron', '15 0 * * *'),
  cronRule('retrain', 'retrain_incremental_cron', '30 22 * * *'),
  cronRule('signals', 'archive_cron', '30 0 * * *'),
  runColumnsRule,
  {
    needs: ['retrain.kpi_min_trades', 'retrain.kpi_window_trades'],
    check({ retrain: { kpi_min_trades: least, kpi_window_trades: window } }) {
      if (least <= window) return [];
      const text = `is ${least}, expected at most kpi_window_trades (${window})`;
      return [{ part: 'retrain', path: ['kpi_min_trades'], text }];
    },
  },
  {
    needs: ['signals.signals_journal_days', 'retrain.monitor_days'],
    check({ signals: { signals_journal_days: days }, retrain: { monitor_days: least } }) {
      if (days === null || days >= least) return [];
      const text = `is ${days}, expected at least monitor_days (${least}): live KPIs are computed from the journal`;
      return [{ part: 'signals', path: ['signals_journal_days'], text }];
    },
  },
  {
    needs: ['signals.signals_table', 'signals.signals_history_table'],
    check({ signals: { signals_table: live, signals_history_table: history } }) {
      if (!namesOf(live).some((name) => namesOf(history).includes(name))) return [];
      const text = `is "${history}", expected another table than signals_table`;
      return [{ part: 'signals', path: ['signals_history_table'], text }];
    },
  },
  {
    needs: ['retrain.retrain_runs_table', 'signals.signals_table', 'signals.signals_history_table'],
    check({ retrain: { retrain_runs_table: runs }, signals }) {
      const others = [signals.signals_table, signals.signals_history_table].flatMap(namesOf);
      if (!namesOf(runs).some((name) => others.includes(name))) return [];
      const text = `is "${runs}", expected another table than those of signals`;
      return [{ part: 'retrain', path: ['retrain_runs_table'], text }];
    },
  },
  {
    needs: ['signals.archive_target', 'signals.archive_path'],
    check({ signals: { archive_target: target, archive_path: path } }) {
      if (isFolderTarget(target) || isBucketPath(path)) return [];
      const text = `is "${path}", expected bucket/prefix, the bucket in small letters, digits, dots and hyphens (archive_target is ${target})`;
      return [{ part: 'signals', path: ['archive_path'], text }];
    },
  },
  {
    needs: ['signals.archive_target', 'signals.archive_region', 'signals.archive_endpoint'],
    check({ signals: { archive_target: target, archive_region: region, archive_endpoint: endpoint } }) {
      const wanted = ARCHIVE_TARGETS[target].region;
      if (wanted === undefined || endpoint !== null || wanted.form.test(region)) return [];
      const text = `is "${region}", expected ${wanted.expected}`;
      return [{ part: 'signals', path: ['archive_region'], text }];
    },
  },
  {
    needs: ['retrain.delivery_target', 'retrain.delivery_host_keys'],
    check({ retrain: { delivery_target: target, delivery_host_keys: keys } }) {
      if (target === null || isS3Address(target) || keys.length > 0) return [];
      const text =
        'is empty, expected the fingerprint of the host key of delivery_target, SHA256:… of `ssh-keygen -lf`';
      return [{ part: 'retrain', path: ['delivery_host_keys'], text }];
    },
  },
  windowsRule,
  pairsRule,
  groupsRule,
  instrumentsRule,
  costsRule,
  swapsRule,
  costUnitsRule,
  shardsRule,
  below('minutehand', 'windows', 'vol_short', 'vol_long'),
  below('minutehand', 'windows', 'atr_short', 'atr_long'),
  below('minutehand', 'decision', 'z_exit', 'z_entry'),
  below('minutehand', 'decision', 'beta_min', 'beta_max'),
  below('minutehand', 'feed', 'straggler_timeout_ms', 'interval_ms'),
  below('minutehand', 'feed', 'silence_degraded_intervals', 'silence_halt_intervals'),
  {
    // A position that its own entry rule admits must not be closed for risk at the next bar.
    needs: ['minutehand.decision.risk_exit', 'core.theta_search_range'],
    check({ core, minutehand }) {
      const high = core.theta_search_range.theta2[1];
      const { risk_exit: riskExit } = minutehand.decision;
      if (riskExit >= high) return [];
      const text = `is ${riskExit}, expected at least the upper end of theta_search_range.theta2 (${high})`;
      return [{ part: 'minutehand', path: ['decision', 'risk_exit'], text }];
    },
  },
  {
    needs: ['minutehand.simulated.start'],
    check({ minutehand: { simulated } }) {
      const at = Date.parse(simulated.start);
      // Date.parse takes 30 February for 1 March.
      if (!Number.isNaN(at) && new Date(at).toISOString().startsWith(simulated.start.slice(0, 16))) return [];
      const text = `is "${simulated.start}", which is not a day and time that exists`;
      return [{ part: 'minutehand', path: ['simulated', 'start'], text }];
    },
  },
  portsRule,
];

/**
 * Inconsistencies between values that are each valid alone.
 * @param parts the values read; wherever `isFaulty` is true, a value need not have its type.
 * @param isFaulty whether there is an error at, above or below this path of values.
 */
export function findInconsistencies(
  parts: Parts,
  isFaulty: (part: ConfigPart, path: KeyPath) => boolean,
): Inconsistency[] {
  return RULES.filter((rule) =>
    rule.needs.every((need) => {
      const [part, ...path] = need.split('.');
      return !isFaulty(part as ConfigPart, path);
    }),
  ).flatMap((rule) => rule.check(parts));
}
