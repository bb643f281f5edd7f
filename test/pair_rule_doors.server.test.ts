import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readAddress } from '../shared/address.ts';
import { homePaths } from '../shared/home.ts';
import { createRng } from '../shared/rng.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { GuidedTree } from './followed_guide.ts';

/** A rule of a pair, by a strategy in the source code, at all doors of an installation, and when its code fails. */

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const ID = 'XAUUSD_XAGUSD';
/** Nothing answers for it. */
const OTHER = 'EURUSD_GBPUSD';
const FROM = 1_600_000_020;
const MINUTES = 3600;
const SERVED_FROM = 1500;
/** Volume of the bar at which the strategy of this test throws. */
const FATAL = 66;
const DESPITE = ['--despite-gates', '--reason', 'a test'];

type Bar = Readonly<Record<'time' | 'open' | 'high' | 'low' | 'close' | 'volume', number>>;

/** The ratio of the first pair goes out and comes back every 80 minutes. */
const BARS: Readonly<Record<string, readonly Bar[]>> = (() => {
  const rng = createRng('doors');
  const closes: Record<string, number> = { XAUUSD: 2000, XAGUSD: 25, EURUSD: 1.1, GBPUSD: 1.3 };
  const bars: Record<string, Bar[]> = Object.fromEntries(Object.keys(closes).map((symbol) => [symbol, []]));
  let base = 25;
  for (let t = 0; t < MINUTES; t++) {
    base *= Math.exp(0.002 * rng.normal());
    const ratio = 80 * Math.exp(0.004 * Math.sin((2 * Math.PI * t) / 80) + 0.0001 * rng.normal());
    const next: Record<string, number> = {
      XAUUSD: base * ratio,
      XAGUSD: base,
      EURUSD: closes['EURUSD']! * Math.exp(0.0002 * rng.normal()),
      GBPUSD: closes['GBPUSD']! * Math.exp(0.0002 * rng.normal()),
    };
    for (const [symbol, close] of Object.entries(next)) {
      const open = closes[symbol]!;
      const [up, down] = [1e-5 * rng.uniform(), 1e-5 * rng.uniform()];
      const [high, low] = [Math.max(open, close) * (1 + up), Math.min(open, close) * (1 - down)];
      bars[symbol]!.push({ time: FROM + 60 * t, open, high, low, close, volume: 60 });
      closes[symbol] = close;
    }
  }
  return bars;
})();

interface Body {
  readonly timestamp: string;
  readonly action: string;
  readonly reason: string;
  readonly mode: string;
  readonly model_version: string;
}
type Answer = Readonly<Record<string, unknown>>;

const tree = new GuidedTree();
let place: Workplace;
let daemon: { readonly process: Running; readonly url: string };
let trainer: { readonly process: Running; readonly url: string };
let token: string;
const versions: string[] = [];
let sent = 0;

beforeAll(async () => {
  tree.follow('WRITE_A_PAIR_STRATEGY.md');
  const file = 'shared/bundle/gap/gap_bundle.ts';
  const source = readFileSync(join(tree.folder, file), 'utf8');
  const line = '    this.#ratios.push(';
  expect(source.split(line).length).toBe(2);
  tree.write(
    file,
    source.replace(line, `    if (a.volume === ${FATAL}) throw new RangeError('a fatal bar');\n${line}`),
  );
  place = createWorkplace(
    {
      core: { require_edge: false },
      minutehand: { market: 'live', pairs: [ID, OTHER], feed: { interval_ms: 600_000 }, screen: { enabled: false } },
    },
    await tree.buildProgram(),
  );
  for (const symbol of ID.split('_')) {
    const rows = BARS[symbol]!.map((bar) => Object.values(bar).join());
    writeFileSync(join(place.folder, `${symbol}.csv`), `time,open,high,low,close,volume\n${rows.join('\n')}\n`);
  }
  for (let n = 0; n < 2; n++)
    versions.push(String((await ran('train', '--strategy', 'gap', '--data', place.folder))['version']));
  token = String((await ran('token', 'create', '--role', 'approver', '--name', 'ann'))['token']);
  daemon = await started('daemon', 'daemon_main');
  trainer = await started('trainer', 'trainer');
});
afterAll(async () => {
  tree.remove();
  await place?.remove();
});

async function command(...args: string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  return place.run(args);
}

async function ran(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await command(...args, '--json');
  expect(code, `${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
  return JSON.parse(stdout) as Answer;
}

async function started(name: string, address: string): Promise<{ process: Running; url: string }> {
  const file = homePaths({ MINUTEHAND_HOME: place.home }).address(address as never);
  rmSync(file, { force: true });
  const process = place.start([name]);
  const url = await eventually(
    () => `a ${name} that listens: ${process.stderr()}`,
    () => {
      const found = readAddress(file);
      return found === null ? null : `http://127.0.0.1:${found.port}`;
    },
  );
  return { process, url };
}

async function call(method: string, path: string, body?: object): Promise<{ status: number; body: Answer }> {
  const response = await fetch(`${trainer.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Answer };
}

async function health(): Promise<Answer & { pair_rules?: Record<string, Record<string, unknown>> }> {
  return (await (await fetch(`${daemon.url}/healthz`)).json()) as Awaited<ReturnType<typeof health>>;
}

/** Waits until the daemon serves this version, and until what was wrong with its files is over. */
async function served(version: string | null): Promise<void> {
  let last: Answer | null = null;
  await eventually(
    () => `the rule ${version}: ${JSON.stringify(last)}; ${daemon.process.stderr()}`,
    async () => {
      const seen = await health();
      last = seen;
      if ((seen.pair_rules?.['versions']?.[ID] ?? null) !== version) return null;
      return version === null || (seen['degradations'] as unknown[]).length === 0 || null;
    },
  );
}

const signalOf = (id: string): Body =>
  JSON.parse(readFileSync(join(place.home, 'signals', id, 'signal.json'), 'utf8')) as Body;
const closeOf = (minute: number): string => new Date((FROM + 60 * minute) * 1000).toISOString().replace('.000', '');

/** Sends the next minutes. @param volume of the last one. @returns the signal of each pair at its close */
async function send(minutes: number, volume = 60): Promise<Record<string, Body>> {
  const to = sent + minutes;
  for (let at = sent; at < to; at = Math.min(to, at + 250)) {
    const until = Math.min(to, at + 250);
    const part = Object.entries(BARS).flatMap(([symbol, bars]) =>
      bars.slice(at, until).map((bar, n) => ({
        symbol,
        ...bar,
        time: bar.time * 1000,
        trades: 1,
        ...(at + n === to - 1 && { volume }),
      })),
    );
    part.sort((one, other) => one.time - other.time);
    const response = await fetch(`${daemon.url}/bars`, { method: 'POST', body: JSON.stringify(part) });
    expect(await response.json()).toMatchObject({ rejected: [] });
  }
  sent = to;
  return eventually(
    () => `signals of ${closeOf(sent)}: ${daemon.process.stderr()}`,
    () => {
      const found = { [ID]: signalOf(ID), [OTHER]: signalOf(OTHER) };
      return Object.values(found).every(({ timestamp }) => timestamp === closeOf(sent)) ? found : null;
    },
  );
}

it('is promoted, listed, shown, verified and rolled back, by API and terminal', async () => {
  await send(SERVED_FROM);
  const [first, second] = versions as [string, string];
  const refused = await call('POST', `/api/strategies/${first}/promote`);
  expect(refused).toMatchObject({ status: 422, body: { error: { code: 'MODEL_GATES' } } });
  const override = { despite_gates: true, reason: 'a test' };
  expect(await call('POST', `/api/strategies/${first}/promote`, override)).toMatchObject({
    status: 200,
    body: { instrument: ID, version: first, previous: null },
  });
  await served(first);
  expect((await send(10))[ID]).toMatchObject({ mode: 'OK', model_version: `rule/${first}` });
  expect(await call('POST', `/api/strategies/${second}/promote`, override)).toMatchObject({
    body: { version: second, previous: first },
  });
  await served(second);
  // Its predecessor comes back by API and terminal, as the gates let it in by the same words.
  expect(await call('POST', `/api/strategies/${first}/promote`, override)).toMatchObject({
    body: { version: first, previous: second },
  });
  await served(first);
  expect(await ran('models', 'rollback', '--rule', ID, ...DESPITE)).toMatchObject({ version: second });
  await served(second);
  expect(await ran('models', 'list')).toMatchObject({
    rule: { [ID]: second },
    rule_bundles: [
      { version: first, strategy: 'gap', instrument: ID, served: false },
      { version: second, strategy: 'gap', instrument: ID, served: true },
    ],
  });
  expect((await command('strategy', 'list')).stdout).toMatch(
    new RegExp(`^\\* ${second} +${ID} gap, strategy gap`, 'm'),
  );
  expect((await command('models', 'show', first)).stdout).toContain(`trades ${ID}`);
  expect((await command('models', 'verify', first)).stdout).toContain('hashes');
  expect((await command('check', 'models')).stdout).toMatch(new RegExp(`gap +${second} +active +ok`));
  const told = (await command('status')).stdout;
  expect(told).toContain(`has no active models, and a rule answers for ${ID} alone: mode HALT`);
  const { body: subjects } = await call('GET', '/api/subjects');
  expect(subjects['subjects']).toMatchObject([{ model_version: second }, { model_version: null }]);
  const { body: strategies } = await call('GET', '/api/strategies');
  expect(strategies['rules']).toMatchObject([
    { version: second, strategy: 'gap', served: true },
    { version: first, strategy: 'gap', served: false },
  ]);
  const time = new Date((FROM + 60 * (sent - 1)) * 1000).toISOString().replace(':00.000Z', 'Z');
  const explained = await call('GET', `/api/explain?subject=${ID}&time=${time}`);
  expect(explained).toMatchObject({
    status: 200,
    body: { rule: { version: first, name: 'gap' }, failed_rule: null, reproduced: { equal: true } },
  });
  expect((explained.body['conditions'] as { name: string }[]).map(({ name }) => name)).toContain('gap');
  const { checks } = (await call('GET', '/api/golive')).body as { checks: { id: string; seen: string }[] };
  // It is judged as what answers, although the other pair has nothing.
  expect(checks.find(({ id }) => id === 'gates')!.seen).not.toBe('no models to judge');
});

it('fails alone: every door names it, and a restart loads it again once its warm-up is sound', async () => {
  const version = versions[1]!;
  const error = { version, code: 'RULE_FAILED', message: expect.stringContaining('RangeError: a fatal bar') as string };
  expect((await send(20))[ID]).toMatchObject({ mode: 'OK', model_version: `rule/${version}` });
  const at = await send(5, FATAL);
  expect(at[ID]).toMatchObject({ mode: 'HALT', reason: 'NO_MODEL', model_version: '' });
  expect(await health()).toMatchObject({
    pair_rules: { versions: {}, refused: { [ID]: error } },
    degradations: ['rules'],
  });
  const { stdout } = await command('status');
  expect(stdout).toContain(`the rule ${version} does not answer for ${ID}. RULE_FAILED: `);
  expect(stdout).toContain(`\`minutehand strategy stop ${ID}\``);
  expect(await ran('explain', ID)).toMatchObject({ failed_rule: version, reproduced: { equal: true } });
  expect((await call('GET', '/api/status')).body['daemons']).toMatchObject([
    { rules_refused: [{ subject: ID, ...error }], degradations: ['rules'] },
  ]);
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text();
  expect(metrics).toMatch(/^minutehand_model_failures_total\{code="RULE_FAILED"\} 1$/m);
  await send(10);
  // Once, and not with each bar.
  expect(daemon.process.stdout().split('RULE_FAILED').length).toBe(2);
  await eventually('an alert that names it', async () => {
    const { alerts } = (await call('GET', '/api/alerts')).body as { alerts: { key: string; text: string }[] };
    return alerts.some(({ key, text }) => key.endsWith(`:rule ${ID}`) && text.includes(version));
  });

  const restarted = async (): Promise<void> => {
    daemon.process.kill('SIGKILL');
    await daemon.process.ended;
    daemon = await started('daemon', 'daemon_main');
  };
  await restarted();
  expect((await send(3))[ID]).toMatchObject({ mode: 'HALT', model_version: '' });
  expect(await health()).toMatchObject({
    pair_rules: { versions: {}, refused: { [ID]: error } },
    degradations: ['rule_pointer'],
  });
  await send(600);
  await restarted();
  await served(version);
  expect((await send(3))[ID]).toMatchObject({ mode: 'OK', model_version: `rule/${version}` });
  expect((await health())['degradations']).toEqual([]);
  const { signals, equal } = await ran('replay', '--journal', join(place.home, 'live_main.db'));
  expect(equal).toBe(signals);
});

it('comes back: its pointer, its bundle, and the whole folder of models', async () => {
  const [first, second] = versions as [string, string];
  const pointer = join(place.models, 'rule', `${ID}.json`);
  const manifest = join(place.models, 'gap', second, 'manifest.json');
  const before = readFileSync(manifest);
  // A person without a trainer.
  trainer.process.kill('SIGTERM');
  await trainer.process.ended;
  rmSync(pointer);
  await served(null);
  expect(await ran('models', 'recover')).toMatchObject({ beside: { activated: [`rule ${ID}`] } });
  await served(second);
  rmSync(join(place.models, 'gap'), { recursive: true });
  expect(await command('check', 'models')).toMatchObject({ code: 1 });
  expect(await ran('models', 'recover')).toMatchObject({ beside: { recovered: [second, first] } });
  expect(readFileSync(manifest)).toEqual(before);
  rmSync(join(place.models, 'gap', first), { recursive: true });
  expect(await ran('models', 'recover', first)).toMatchObject({ recovered: [first] });
  await served(second);
  expect((await send(3))[ID]).toMatchObject({ mode: 'OK', model_version: `rule/${second}` });
  // The trainer looks every ten seconds, and restores what is lost.
  trainer = await started('trainer', 'trainer');
  rmSync(place.models, { recursive: true });
  await served(second);
  await eventually('the pointer', () => existsSync(pointer) && existsSync(manifest));
  await served(second);
  expect((await send(3))[ID]).toMatchObject({ mode: 'OK', model_version: `rule/${second}` });
});

it('is stopped for its pair alone, and ended by API', async () => {
  const second = versions[1]!;
  await ran('halt', ID, '--reason', 'a drill');
  await eventually('the stop', async () => ((await health())['stops'] as unknown[]).length === 1);
  const reasons = new Set<string>();
  for (let n = 0; n < 60 && !reasons.has('STOPPED'); n++) reasons.add((await send(1))[ID]!.reason);
  expect(reasons).toContain('STOPPED');
  await ran('resume', ID);
  expect(await call('POST', '/api/strategies/end', { instrument: ID, reason: 'a test' })).toMatchObject({
    status: 200,
  });
  await served(null);
  expect((await send(1))[ID]).toMatchObject({ mode: 'HALT', reason: 'NO_MODEL' });
  expect(await ran('models', 'list')).toMatchObject({ rule: {}, rule_bundles: [{}, { version: second }] });
});
