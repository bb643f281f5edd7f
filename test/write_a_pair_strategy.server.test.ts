import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { readAddress } from '../shared/address.ts';
import { homePaths } from '../shared/home.ts';
import { createRng } from '../shared/rng.ts';
import type { SignalBody } from '../shared/signal/signal.ts';
import type { verifyAnySignal as VerifyAnySignal } from '../shared/signal/verify_instrument.ts';
import { openJournal, type JournalFile } from '../shared/store/journal.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { GuidedTree } from './followed_guide.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const ID = 'XAUUSD_XAGUSD';
const [A, B] = ID.split('_') as [string, string];
const FROM = 1_600_000_020;
const MINUTES = 4000;
const PROMOTED = 1500;
const ROLLOUT = 3600;

/** A price of both legs whose ratio goes out and comes back every 80 minutes. */
const BARS: Readonly<Record<string, readonly object[]>> = (() => {
  const rng = createRng('gaps');
  let base = 25;
  const legs: Record<string, object[]> = { [A]: [], [B]: [] };
  const closes: Record<string, number> = { [A]: 2000, [B]: 25 };
  for (let t = 0; t < MINUTES; t++) {
    base *= Math.exp(0.002 * rng.normal());
    const ratio = 80 * Math.exp(0.004 * Math.sin((2 * Math.PI * t) / 80) + 0.0001 * rng.normal());
    for (const [symbol, close] of [
      [A, base * ratio],
      [B, base],
    ] as const) {
      const open = closes[symbol]!;
      const high = Math.max(open, close) * 1.00001;
      const low = Math.min(open, close) * 0.99999;
      legs[symbol]!.push({ time: FROM + 60 * t, open, high, low, close, volume: 60 });
      closes[symbol] = close;
    }
  }
  return legs;
})();

describe('the guide to a strategy of pairs', () => {
  const tree = new GuidedTree();
  let own: Workplace;
  let verifyAnySignal: typeof VerifyAnySignal;
  let files: string[];
  beforeAll(async () => {
    files = tree.follow('WRITE_A_PAIR_STRATEGY.md');
    const program = await tree.load(["export { verifyAnySignal } from './shared/signal/verify_instrument.ts';"]);
    verifyAnySignal = program['verifyAnySignal'] as unknown as typeof VerifyAnySignal;
    own = createWorkplace(
      { minutehand: { market: 'live', pairs: [ID], feed: { interval_ms: 600_000 }, screen: { enabled: false } } },
      await tree.buildProgram(),
    );
    for (const [symbol, bars] of Object.entries(BARS)) {
      const rows = bars.map((bar) => Object.values(bar).join());
      writeFileSync(join(own.folder, `${symbol}.csv`), `time,open,high,low,close,volume\n${rows.join('\n')}\n`);
    }
  });
  afterAll(async () => {
    tree.remove();
    await own?.remove();
  });

  it('makes a file of its name in each layer, and adds it to the list of each', () => {
    expect(files).toEqual([
      '+shared/strategies/gap/gap_rule.ts',
      'shared/strategies/registry.ts',
      '+shared/bundle/gap/gap_bundle.ts',
      '+shared/bundle/shelves/gap_shelf.ts',
      'shared/bundle/shelves/shelves.ts',
      '+trainer/jobs/kinds/gap_job.ts',
      'trainer/jobs/kinds/strategy_jobs.ts',
      '+trainer/jobs/strategies/gap/training.ts',
      'trainer/jobs/strategies/trainings.ts',
      '+cli/strategies/gap/commands.ts',
      'cli/strategies/commands.ts',
    ]);
  });

  it(`makes a strategy that compiles`, async () => {
    expect(await tree.typeCheck()).toBe('');
  });

  it('makes bundles that daemons serve for their pair, over kill -9, and that shadow, replay and explain take', async () => {
    const ran = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await own.run([...args, '--json']);
      expect(code, `${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    const override = ['--despite-gates', '--reason', 'the guide'];
    const trained = async (): Promise<string> =>
      String((await ran('train', '--strategy', 'gap', '--data', own.folder))['version']);
    const version = await trained();
    expect(await ran('models', 'list')).toMatchObject({ gap_bundles: [{ version }] });
    const folder = join(own.home, 'models', 'gap', version);
    const tested = await ran('backtest', '--strategy', 'gap', '--data', own.folder, '--models', folder);
    expect(tested['trades']).toBeGreaterThan(10);

    const first = await startDaemon();
    await send(first.url, 0, PROMOTED);
    // No model: the pair holds, and a rule takes over between two bars.
    expect(await lastSignalOf(PROMOTED)).toMatchObject({ reason: 'NO_MODEL', model_version: '' });
    await ran('models', 'promote', version, ...override);
    await rulesAre(first, { versions: { [ID]: version } });
    const heard = listen(first.url);
    await send(first.url, PROMOTED, 2500);
    const text = await lastSignalOf(2500);
    expect(verifyAnySignal(JSON.stringify(text))).toMatchObject({
      pair_id: ID,
      mode: 'OK',
      model_version: `rule/${version}`,
      return_prob: null,
      position_scale: 1,
      max_age_bars: 30,
    });
    expect((await heard).model_version).toBe(`rule/${version}`);
    const next = await trained();
    expect(await ran('models', 'shadow', next)).toMatchObject({ version: next, rule: ID });
    await rulesAre(first, { shadows: { [ID]: next } });
    await send(first.url, 2500, 3000);
    await lastSignalOf(3000);
    first.process.kill('SIGKILL');
    await first.process.ended;

    const second = await startDaemon();
    await rulesAre(second, { versions: { [ID]: version }, shadows: { [ID]: next } });
    await send(second.url, 3000, ROLLOUT);
    await lastSignalOf(ROLLOUT);
    expect(await ran('strategy', 'shadow', ID)).toMatchObject({ version: next, publishers: [`rule/${version}`] });
    const started = await ran('rollout', 'start', next, ...override);
    expect(started).toMatchObject({ challenger: next, champion: version });
    await eventually(
      () => `the rollout: ${second.process.stderr()}`,
      async () => (await healthOf(second.url)).rollout ?? null,
    );
    await send(second.url, ROLLOUT, MINUTES);
    await lastSignalOf(MINUTES);
    const compared = await ran('rollout', 'status');
    expect((compared['facts'] as { labels: number }).labels).toBeGreaterThan(MINUTES - ROLLOUT - 10);
    second.process.kill('SIGTERM');
    await second.process.ended;

    const bodies = journaled((journal) => [...journal.signals()].map(({ body }) => bodyOf(body)));
    const answered = bodies.filter(({ model_version, reason }) => model_version !== '' && reason !== 'SHUTDOWN');
    expect(answered.length).toBe(MINUTES - PROMOTED);
    const reasons = new Set<string>(answered.map(({ reason }) => reason));
    for (const reason of ['ENTRY', 'IN_POSITION', 'CLOSED_GAP', 'NO_GAP']) expect(reasons).toContain(reason);
    const entered = answered.filter(({ action }) => action === 'ENTER');
    expect(entered.length).toBeGreaterThan(10);
    expect(new Set(entered.map(({ entry }) => entry))).toEqual(new Set([`BUY_${A}, SELL_${B}`, `SELL_${A}, BUY_${B}`]));
    const byArm = new Set(
      answered.slice(-(MINUTES - ROLLOUT)).map(({ arm, model_version }) => `${arm} ${model_version}`),
    );
    expect(byArm).toContain(`champion rule/${version}`);
    for (const own of byArm) expect([`champion rule/${version}`, `challenger rule/${next}`]).toContain(own);
    // The same rule, learned twice, decides the same in shadow once it is flat, and publishes nothing.
    const shadows = journaled((journal) => [...journal.shadowsOf(`rule/${next}`, 0 as never)]);
    expect(shadows.length).toBeGreaterThan(1400);
    const published = new Map(answered.map((body) => [body.timestamp, body.reason]));
    const differing = shadows.filter(({ body }) => published.get(bodyOf(body).timestamp) !== bodyOf(body).reason);
    expect(differing.length).toBeLessThan(80);

    const journal = join(own.home, 'live_main.db');
    const { signals, equal, enters } = await ran('replay', '--journal', journal);
    expect([equal, enters]).toEqual([signals, entered.length]);
    const [entry] = entered;
    const explained = await ran('explain', ID, entry!.timestamp);
    expect(explained).toMatchObject({ kind: 'pair', reproduced: { equal: true }, rule: { version, name: 'gap' } });
    expect(explained['conditions']).toContainEqual(expect.objectContaining({ name: 'gap', holds: true }));
    // Past bars, by the bundle that is named, give the same answers as the daemon gave.
    const replayed = await ran('replay', '--data', own.folder, '--models', folder, '--out', 'past.jsonl');
    expect(replayed).toMatchObject({ pairs: [ID], rule_versions: { [ID]: version }, model_version: null });
    const past = new Map(
      readFileSync(join(own.folder, 'past.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as SignalBody)
        .map((body) => [body.timestamp, body.reason]),
    );
    const last = answered.filter(({ timestamp }) => past.has(timestamp)).slice(-1000);
    expect(last.map(({ reason }) => reason)).toEqual(last.map(({ timestamp }) => past.get(timestamp)));

    const checked = await own.run(['check', 'models', '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      bundles: [
        { strategy: 'gap', version, role: 'active', ok: true },
        { strategy: 'gap', version: next, role: 'challenger', ok: true },
      ],
      problems: expect.arrayContaining([
        expect.objectContaining({ slot: `rule ${ID}`, version, isStated: true }),
      ]) as object,
    });
    expect(await ran('rollout', 'abort', 'seen enough')).toMatchObject({ status: 'aborted' });
    await ran('models', 'shadow', 'off', '--rule', ID);
    await ran('strategy', 'stop', ID);
    expect(await ran('models', 'shadow')).toMatchObject({ rule: {} });
  });

  function journaled<T>(read: (journal: JournalFile) => T): T {
    const journal = openJournal(join(own.home, 'live_main.db'), { readOnly: true });
    try {
      return read(journal);
    } finally {
      journal.close();
    }
  }

  function bodyOf(text: string): Omit<SignalBody, 'reason'> & { readonly reason: string } {
    return JSON.parse(`${text}}`) as SignalBody;
  }

  async function startDaemon(): Promise<{ process: Running; url: string }> {
    const file = homePaths({ MINUTEHAND_HOME: own.home }).address('daemon_main');
    rmSync(file, { force: true });
    const process = own.start(['daemon']);
    const url = await eventually(
      () => `a daemon that listens: ${process.stderr()}`,
      () => {
        const address = readAddress(file);
        return address === null ? null : `http://127.0.0.1:${address.port}`;
      },
    );
    return { process, url };
  }

  async function rulesAre({ process, url }: { process: Running; url: string }, expected: object): Promise<void> {
    await eventually(
      () => `the rules ${JSON.stringify(expected)}: ${process.stderr()}`,
      async () => {
        const health = await healthOf(url);
        const isThere = Object.entries(expected).every(
          ([name, rules]) => JSON.stringify(health.pair_rules?.[name]) === JSON.stringify(rules),
        );
        return isThere || null;
      },
    );
  }

  async function healthOf(url: string): Promise<{ pair_rules?: Record<string, object>; rollout: object | null }> {
    return (await (await fetch(`${url}/healthz`)).json()) as Awaited<ReturnType<typeof healthOf>>;
  }

  /** The first signal that a client receives whose rule has answered. */
  function listen(url: string): Promise<SignalBody> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/signals`);
    return new Promise((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as SignalBody;
        if (!message.model_version?.startsWith('rule/')) return;
        socket.close();
        resolve(message);
      });
    });
  }

  async function send(url: string, from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += 250) {
      const part = Object.entries(BARS).flatMap(([symbol, bars]) =>
        (bars.slice(at, Math.min(to, at + 250)) as { time: number }[]).map((bar) => ({
          symbol,
          ...bar,
          time: bar.time * 1000,
          trades: 1,
        })),
      );
      part.sort((one, other) => one.time - other.time);
      const response = await fetch(`${url}/bars`, { method: 'POST', body: JSON.stringify(part) });
      expect(await response.json()).toMatchObject({ rejected: [] });
    }
  }

  async function lastSignalOf(minute: number): Promise<object> {
    const timestamp = new Date((FROM + minute * 60) * 1000).toISOString().replace('.000', '');
    const file = join(own.home, 'signals', ID, 'signal.json');
    return eventually(
      () => `the signal of ${timestamp}`,
      () => {
        const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
        return text.includes(timestamp) ? (JSON.parse(text) as object) : null;
      },
    );
  }
});
