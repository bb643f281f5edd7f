import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { ruleSlot } from '../shared/subject/slot.ts';
import { homePaths } from '../shared/home.ts';
import { activateAdmitted } from '../shared/bundle/admission/activation.ts';
import { ruleFolder } from '../shared/bundle/rule/active_rule.ts';
import { writeRuleBundle } from '../shared/bundle/rule/rule_bundle.ts';
import { unjudged } from './activate.ts';
import { createWorkplace, type Finished, type Running, type Workplace } from './cli_process.ts';
import { verdict } from './passed_gates.ts';
import { tinyRule } from './tiny_rule.ts';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Each condition with a next step is created, the step is read from what the command printed, followed as it stands,
 * and has helped. Conditions that cannot be created here, and why:
 * - golive `bars_old`, `late`, `sessions_apart`, `clock_wrong`, status `silent`, `stale`: need a live market for hours
 *   or weeks; their steps name a feeder outside of minutehand.
 * - golive `models`, `gates` of pairs, `edge`, status `no active models`: need trained models that pass their gates:
 *   fresh_clone.chain follows the training of `up` from its first line.
 * - golive `backup`, `standby`, `paper`: nothing on this machine can show them, or only 20 days.
 * - golive steps of Windows, services: need Windows, systemd (test/windows, deploy).
 * - status and doctor on a lease server, Redis, PostgreSQL, a full disk: doctor_redis, doctor_lease, disks.chain,
 *   postgres_causes.
 */

/** A line of `golive`, `status` or `doctor` that asks for something. */
interface Advice {
  readonly seen: string;
  readonly next: string;
}

const START_MS = 60_000;
const FAILED = verdict({ code: 'auc', role: 'ai1', passed: false, value: 0.5, limit: 0.52 });

/** The command lines in backquotes, without the program. */
function commandsIn(next: string): string[][] {
  return [...next.matchAll(/`minutehand ([^`]+)`/gu)].map(([, line]) => line!.split(' '));
}

let place: Workplace;
/** What a step that names an environment variable has set, for every command after it. */
const env: Record<string, string> = {};
let daemon: Running | null = null;
const received: string[] = [];
const server = createServer((request, response) => {
  request.setEncoding('utf8').on('data', (part: string) => received.push(part));
  request.on('end', () => response.end('ok'));
});

const run = (args: readonly string[]): Promise<Finished> => place.run(args, { env });

async function json<Document>(args: readonly string[]): Promise<Document> {
  const { stdout, stderr } = await run([...args, '--json']);
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout) as Document;
}

/** The advice of a step of `golive`; null: ✓. */
async function goLive(id: string): Promise<Advice | null> {
  const { checks } = await json<{ checks: { id: string; verdict: string; seen: string; fix: string }[] }>(['golive']);
  const { verdict, seen, fix } = checks.find((check) => check.id === id)!;
  return verdict === 'ok' ? null : { seen, next: fix };
}

/** The problem of `status` whose text matches; null: it has none. */
async function status(text: RegExp): Promise<Advice | null> {
  const { stdout } = await run(['status']);
  const lines = stdout.split('\n');
  const at = lines.findIndex((line) => text.test(line));
  if (at < 0) return null;
  return { seen: lines[at]!, next: lines.slice(at, at + 2).join(' ') };
}

async function doctor(what: string): Promise<Advice | null> {
  const { findings } = await json<{ findings: { what: string; verdict: string; detail: string }[] }>(['doctor']);
  const found = findings.find((one) => one.what === what);
  return found === undefined || found.verdict === 'ok' ? null : { seen: found.detail, next: found.detail };
}

function changeConfig(file: string, path: readonly string[], value: unknown): void {
  const at = join(place.config, file);
  const document = parseDocument(readFileSync(at, 'utf8'));
  document.setIn([...path, ...(file === 'minutehand.yaml' ? [] : ['value'])], value);
  writeFileSync(at, document.toString());
}

async function follow(next: string, values: Readonly<Record<string, string>> = {}, index = 0): Promise<void> {
  const command = commandsIn(next)[index];
  expect(command, next).toBeDefined();
  const args = command!.map((word) => values[word] ?? word);
  const { code, stdout, stderr } = await run(args);
  expect(code, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0);
}

async function until(isTrue: () => Promise<boolean>, ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end && !(await isTrue());) await sleep(500);
}

async function startDaemon(): Promise<void> {
  daemon = place.start(['daemon'], env);
  await until(async () => (await goLive('daemon')) === null, START_MS);
}

beforeAll(async () => {
  place = createWorkplace({ minutehand: { market: 'simulated', instruments: ['XAUUSD'] } });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await place.remove();
  server.close();
});

interface Row {
  readonly name: string;
  make(): Promise<void> | void;
  look(): Promise<Advice | null>;
  /** Follows the printed step. */
  readonly follow: (advice: Advice) => Promise<void>;
}

const ROWS: readonly Row[] = [
  {
    name: 'golive market: simulated prices',
    make: () => undefined,
    look: () => goLive('market'),
    follow: async ({ next }) => {
      const [, name, value] = /(MINUTEHAND_MARKET)=(\w+)/u.exec(next)!;
      env[name!] = value!;
    },
  },
  {
    name: 'golive costs: as delivered',
    make: () => undefined,
    look: () => goLive('costs'),
    follow: async ({ next }) => {
      expect(next).toMatch(/`symbols` of minutehand\.yaml/u);
      for (const symbol of Object.keys(place.settings.minutehand.symbols))
        changeConfig('minutehand.yaml', ['symbols', symbol, 'spread_bps'], 0.77);
    },
  },
  {
    name: 'golive rule: served despite failed gates',
    make: () => {
      const models = place.models;
      const rule = basename(writeRuleBundle(ruleFolder(models), new Date('2026-01-03'), tinyRule('XAUUSD')));
      const despite = { at: '2026-01-03T00:00:00.000Z', by: 'ann', reason: 'a test', gates: [FAILED] };
      const own = unjudged('promotion', models, rule, { slot: ruleSlot('XAUUSD'), despite });
      activateAdmitted(own, homePaths({ MINUTEHAND_HOME: place.home }));
    },
    look: async () => {
      const advice = await goLive('gates');
      // Without the rule there is nothing to judge, which is no fault.
      return advice?.seen.includes('despite') === true ? advice : null;
    },
    follow: ({ next }) => follow(next),
  },
  {
    name: 'golive notifications: no channel',
    make: () => undefined,
    look: async () => {
      const advice = await goLive('notifications');
      return advice?.seen === 'no channel' ? advice : null;
    },
    follow: async ({ next }) => {
      const [, name] = /such as (MINUTEHAND_\w+_URL)/u.exec(next)!;
      env[name!] = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    },
  },
  {
    name: 'golive notifications: nothing was sent yet',
    make: () => undefined,
    look: () => goLive('notifications'),
    follow: ({ next }) => follow(next),
  },
  {
    name: 'golive news: no calendar',
    make: () =>
      changeConfig('core_policy.yaml', ['news_stop'], {
        importance: 'high',
        minutes_before: 30,
        minutes_after: 15,
        close: false,
      }),
    look: () => goLive('news'),
    follow: ({ next }) => {
      const file = join(place.folder, 'news.csv');
      const day = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();
      writeFileSync(file, `time,currency,importance,name\n${day(-1)},USD,high,CPI\n${day(5)},USD,high,NFP\n`);
      return follow(next, { '<file>': file });
    },
  },
  {
    name: 'golive daemon: none runs',
    make: () => undefined,
    look: () => goLive('daemon'),
    follow: async ({ next }) => {
      expect(commandsIn(next)).toEqual([['up']]);
      await startDaemon();
    },
  },
  {
    name: 'status: stopped by an operator',
    make: () => run(['halt', '--reason', 'a test']).then(({ code, stderr }) => expect(code, stderr).toBe(0)),
    look: () => status(/a test/u),
    follow: ({ next }) => follow(next),
  },
  {
    name: 'doctor halts: a file that cannot be used',
    make: () => writeFileSync(join(place.models, 'halts.json'), '{'),
    look: () => doctor('halts'),
    follow: ({ next }) => follow(next),
  },
  {
    name: 'status daemon: it has ended',
    make: async () => {
      daemon!.kill('SIGTERM');
      await daemon!.ended;
    },
    look: () => status(/does not run: no process answers bars/u),
    follow: async ({ next }) => {
      expect(commandsIn(next).flat()).toContain('up');
      await startDaemon();
    },
  },
];

describe('the next step that is printed', { timeout: 3 * START_MS }, () => {
  it.each(ROWS)('turns ✓ once it was followed: $name', async ({ make, look, follow: carryOut }) => {
    await make();
    const advice = await look();
    expect(advice).not.toBeNull();
    await carryOut(advice!);
    await until(async () => (await look()) === null, START_MS / 2);
    expect(await look(), advice!.next).toBeNull();
  });
});
