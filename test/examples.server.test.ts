import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { activate } from './activate.ts';
import { startDaemon, type RunningDaemon } from '../daemon/main.ts';
import { MACHINE_CLOCK } from '../shared/clock.ts';
import { homePaths } from '../shared/home.ts';
import { packageRoot } from '../shared/root.ts';
import type { Signal } from '../shared/signal/signal.ts';
import { enterBody, idOf, textOf } from '../shared/signal/signal.fixture.ts';
import { createWorkplace, eventually, type Workplace } from './cli_process.ts';
import { skipNote } from './skip_note.ts';
import { tinyModels } from './tiny_models.ts';
import type { ConsumerVector } from './vectors/consumer_vectors.ts';

// A busy machine only makes them slower.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const EXAMPLES = join(packageRoot(), 'examples');
const PAIR = 'XAUUSD_XAGUSD';
const vectors = (
  JSON.parse(readFileSync(join(packageRoot(), 'test', 'vectors', 'consumer.json'), 'utf8')) as ConsumerVector[]
)
  .filter(({ instruments }) => instruments !== false)
  .concat(unsizedEntries());

/** Entries whose leg B has no size, as no daemon sends them: the examples print no OPEN, and go on. */
function unsizedEntries(): ConsumerVector {
  const nowMs = Date.UTC(2026, 10, 20, 8, 26, 1);
  const betas = [1e308, -1e308, 0, 1000.1, -1000];
  const steps = betas.map((beta, index) => {
    const id = idOf(index + 1);
    const envelope = { boot_id: '20261120T080000000Z', generated_at_ms: nowMs, seq: index + 1 };
    const orders = [`${Math.abs(beta) === 1000 ? 'open' : 'skip'} ${id}`];
    return { text: textOf(enterBody(id, { beta }), envelope), now_ms: nowMs, expect: { orders } };
  });
  return { name: 'entries whose leg B has no size', markets: ['live'], max_clock_skew_ms: 2000, steps };
}

const isThere = (...command: [string, string]): boolean => spawnSync(command[0], [command[1]]).status === 0;
const LANGUAGES = [
  { name: 'Python', file: 'follow.py', program: 'python3', needs: ['python3'] },
  { name: 'Node', file: 'follow.mjs', program: process.execPath, needs: [] },
  { name: 'bash', file: 'follow.sh', program: 'bash', needs: ['bash', 'jq', 'gzip'] },
].map((language) => {
  const missing = language.needs.filter((program) => !isThere(program, '--version'));
  // In CI, skipping would hide a gap, so the test runs and fails.
  return { ...language, isSkipped: missing.length > 0 && !process.env['CI'], note: `${missing.join(', ')} not found` };
});

type Step = ConsumerVector['steps'][number];
type Answers = readonly (readonly string[])[];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-examples-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs an example on the texts of each vector; returns its orders, or `refused <code>`. */
const ASK: Readonly<Record<string, () => readonly Answers[]>> = {
  Python: () => JSON.parse(run('python3', ['-B', '-c', PYTHON_DRIVER, EXAMPLES], JSON.stringify(vectors))) as Answers[],
  Node: () =>
    JSON.parse(run(process.execPath, ['--input-type=module', '-e', NODE_DRIVER], JSON.stringify(vectors))) as Answers[],
  bash: () => {
    const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
    const lineOf = (step: Step): string => {
      if ('restart' in step) return 'boot=() seq=() held=() opened=() fences=() bars=(); . "$state"';
      if ('closed' in step) return `closed ${step.closed}`;
      return `pair=${quoted(step.from ?? '')}; take ${quoted(step.text)} ${step.now_ms} 2>&1; echo =`;
    };
    const lines = vectors.flatMap(({ markets, steps }) => [
      'boot=() seq=() held=() opened=() fences=() bars=(); echo =VECTOR',
      `markets=${quoted(markets.join(' '))}`,
      ...steps.map(lineOf),
    ]);
    const output = run('bash', ['-s'], [`. ${EXAMPLES}/follow.sh`, `state=${folder}/state`, ...lines].join('\n'));
    const answersOf = (part: string): Answers =>
      part
        .split('=\n')
        .slice(0, -1)
        .map((answer) => answer.split('\n').slice(0, -1));
    return output.split('=VECTOR\n').slice(1).map(answersOf);
  },
};

function run(program: string, args: readonly string[], input: string): string {
  return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
}

const PYTHON_DRIVER = `
import json, sys
sys.path.insert(0, sys.argv[1])
import follow
def life(vector):
    consumer, answers = follow.Consumer(vector["markets"]), []
    for step in vector["steps"]:
        if "restart" in step:
            consumer = follow.Consumer(vector["markets"], json.loads(json.dumps(consumer.state)))
        elif "closed" in step:
            consumer.closed(step["closed"])
        else:
            try:
                answers.append([" ".join(order) for order in consumer.take(step["text"].encode(), step["now_ms"], step.get("from"))])
            except follow.Refused as refusal:
                answers.append(["refused %s" % refusal])
    return answers
print(json.dumps([life(vector) for vector in json.load(sys.stdin)]))`;

const NODE_DRIVER = `
import { readFileSync } from 'node:fs';
import { Consumer, Refused } from ${JSON.stringify(pathToFileURL(join(EXAMPLES, 'follow.mjs')).href)};
function life({ markets, steps }) {
  let consumer = new Consumer(markets);
  const answers = [];
  for (const step of steps) {
    if ('restart' in step) consumer = new Consumer(markets, JSON.parse(JSON.stringify(consumer.state)));
    else if ('closed' in step) consumer.closed(step.closed);
    else
      try {
        answers.push(consumer.take(step.text, step.now_ms, step.from === undefined ? [] : [step.from]).map((order) => order.join(' ')));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        answers.push(['refused ' + error.code]);
      }
  }
  return answers;
}
console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(life)));`;

/** Shortens `OPEN <id> …` to the form of the vectors. */
function short(line: string): string {
  const [order, id] = line.split(' ');
  if (order === 'refused') return line;
  return order === 'HALT' ? 'halt' : `${order!.toLowerCase()} ${id}`;
}

describe.each(LANGUAGES)('examples/$file', ({ name, isSkipped, note }) => {
  it.skipIf(isSkipped)(`passes every conformance vector${skipNote(isSkipped, note)}`, () => {
    const all = ASK[name]!();
    expect(all).toHaveLength(vectors.length);
    for (const [life, vector] of vectors.entries()) {
      const steps = vector.steps.filter((step) => 'text' in step);
      expect(all[life]!.length, vector.name).toBe(steps.length);
      for (const [index, step] of steps.entries()) {
        const where = `${vector.name}, step ${index}: ${step.text}`;
        const answer = all[life]![index]!;
        const expected = 'refuse' in step.expect ? [`refused ${step.expect.refuse}`] : step.expect.orders;
        expect(answer.length === 0 ? ['hold'] : answer.map(short), where).toEqual(expected);
        if (step.legs === undefined) continue;
        const [a, b] = step.legs;
        const rest =
          b === undefined ? 'scale 1 max_age_bars 24' : `${b.side}_${b.symbol} ${b.weight} scale 0.5 max_age_bars 60`;
        expect(answer[0], where).toContain(` ${a!.side}_${a!.symbol} 1 ${rest}`);
      }
    }
  });
});

/** A consumer in its own process. */
interface Follower {
  readonly child: ChildProcess;
  readonly orders: () => readonly string[];
  readonly refusals: () => string;
  /** What it waits for. */
  readonly notes: () => string;
}

describe('the examples beside a running daemon', () => {
  let place: Workplace;
  let daemon: RunningDaemon | null = null;
  let port: number;
  const entered = new Map<string, string>();
  const followers = new Set<ChildProcess>();
  const usable = LANGUAGES.filter(({ isSkipped }) => !isSkipped);

  /** Starts it as a user does. */
  function follow(
    { file, program }: (typeof LANGUAGES)[number],
    state: string,
    { isPaper = true, signals = signalFile() } = {},
  ): Follower {
    const from = file === 'follow.mjs' ? [PAIR, '--url', `ws://127.0.0.1:${port}/signals`] : [signals];
    const args = [join(EXAMPLES, file), ...from, '--state', join(folder, state), ...(isPaper ? ['--paper'] : [])];
    const env = { ...process.env, NODE_OPTIONS: '', PYTHONDONTWRITEBYTECODE: '1' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    followers.add(child);
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream]!.setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
    const isNote = (line: string): boolean => line.startsWith(`${file}: `) && line.includes('wait');
    const lines = (): string[] => output.stderr.split(/^/m);
    return {
      child,
      orders: () => output.stdout.split('\n').slice(0, -1),
      refusals: () =>
        lines()
          .filter((line) => !isNote(line))
          .join(''),
      notes: () => lines().filter(isNote).join(''),
    };
  }

  const signalFile = (): string => join(place.home, 'signals', PAIR, 'signal.json');
  const idsOf = (orders: readonly string[], order: string): string[] =>
    orders.filter((line) => line.startsWith(`${order} `)).map((line) => line.split(' ')[1]!);

  beforeAll(async () => {
    place = createWorkplace({ minutehand: { simulated: { bar_interval_ms: 300 } } });
    const { settings } = place;
    const paths = homePaths({ MINUTEHAND_HOME: place.home });
    mkdirSync(paths.models, { recursive: true });
    activate(paths.models, (await tinyModels(paths.models, { settings })).version);
    const print = (): void => undefined;
    daemon = await startDaemon({ settings, paths, shard: 'main', clock: MACHINE_CLOCK, token: undefined, print });
    port = daemon.port;
    const socket = new WebSocket(`ws://127.0.0.1:${daemon.port}/signals?pairs=${PAIR}`);
    socket.on('message', (data: Buffer) => {
      const { action, position_id } = JSON.parse(data.toString()) as Signal;
      if (action === 'ENTER') entered.set(position_id, data.toString());
    });
  });
  afterAll(async () => {
    for (const child of followers) child.kill('SIGKILL');
    await daemon?.stop();
    await place.remove();
  });

  it('say what the daemon says of a pair that it does not serve, and end where no other one was asked for', async () => {
    const asked = async (pairs: string): Promise<Follower> => {
      const state = join(folder, `${pairs}.state`);
      const args = [join(EXAMPLES, 'follow.mjs'), pairs, '--url', `ws://127.0.0.1:${port}/signals`, '--state', state];
      const child = spawn(process.execPath, args, {
        env: { ...process.env, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      followers.add(child);
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      await eventually(`an error of ${pairs}`, () => /follow\.mjs: PAIR_UNKNOWN: .*NZDUSD_NOSUCH/.test(stderr));
      expect(stderr).not.toContain('refused TORN');
      return { child, orders: () => [], refusals: () => stderr, notes: () => stderr };
    };
    const alone = await asked('NZDUSD_NOSUCH');
    await eventually('its end', () => alone.child.exitCode === 1);
    const beside = await asked(`NZDUSD_NOSUCH,${PAIR}`);
    expect(beside.child.exitCode).toBeNull();
  });

  it('open each entry of the daemon once, and close at its exits, even when killed in between', async () => {
    const orders = new Map<string, string[]>(usable.map(({ name }) => [name, []]));
    const live = usable.map((language) => ({ language, paper: follow(language, `${language.name}.state`) }));
    const watching = usable.map((language) => follow(language, `${language.name}_live.state`, { isPaper: false }));
    for (const one of live) {
      const { language } = one;
      const before = await eventually(`an OPEN of ${language.name}`, () => {
        const lines = one.paper.orders();
        return idsOf(lines, 'OPEN').length > 0 && lines;
      });
      expect(one.paper.notes(), language.name).toMatch(/; waits for the first order\n$/);
      one.paper.child.kill('SIGKILL');
      orders.get(language.name)!.push(...before);
      one.paper = follow(language, `${language.name}.state`);
    }
    for (const { language, paper } of live)
      await eventually(`a CLOSE of ${language.name}`, () => idsOf(paper.orders(), 'CLOSE').length > 0);
    await daemon!.stop();
    daemon = null;
    for (const { language, paper } of live) {
      await eventually(`the HALT of ${language.name}`, () => paper.orders().includes(`HALT ${PAIR} SHUTDOWN`));
      const all = [...orders.get(language.name)!, ...paper.orders()];
      const opened = idsOf(all, 'OPEN');
      expect(new Set(opened).size, all.join('\n')).toBe(opened.length);
      expect(opened.filter((id) => !entered.has(id))).toEqual([]);
      expect(idsOf(all, 'CLOSE').filter((id) => !opened.includes(id))).toEqual([]);
    }
    for (const { orders: ordersOf, refusals } of watching) {
      expect(ordersOf()).toEqual([]);
      expect(refusals()).toMatch(/^(refused MARKET\n)+$/);
    }
  });

  it('refuse an ENTER that has expired', async () => {
    const [enter] = [...entered.values()];
    writeFileSync(signalFile(), `${enter!}\n`);
    for (const language of usable.filter(({ file }) => file !== 'follow.mjs')) {
      const follower = follow(language, `${language.name}_late.state`);
      await eventually(`the refusal of ${language.name}`, () => follower.refusals().includes('refused STALE'));
      expect(follower.orders()).toEqual([]);
    }
  });

  it('follow no signal of another pair that was copied into the folder of theirs', async () => {
    const [enter] = [...entered.values()];
    const other = join(place.home, 'signals', 'EURUSD_GBPUSD', 'signal.json');
    mkdirSync(dirname(other), { recursive: true });
    writeFileSync(other, `${enter!}\n`);
    for (const language of usable.filter(({ file }) => file !== 'follow.mjs')) {
      const follower = follow(language, `${language.name}_copied.state`, { signals: other });
      await eventually(`the refusal of ${language.name}`, () => follower.refusals().includes('refused'));
      expect(follower.refusals()).toBe('refused PAIR\n');
      expect(follower.orders()).toEqual([]);
    }
  });

  it('say what they wait for where nothing is there yet', async () => {
    for (const language of usable) {
      const follower = follow(language, `${language.name}_early.state`, {
        signals: join(folder, 'none', 'signal.json'),
      });
      await eventually(`the note of ${language.name}`, () => follower.notes() !== '');
      await sleep(1500);
      // Once, however long that lasts.
      expect(follower.notes(), language.name).toMatch(
        /^follow\.\w+: (.* is not there yet; waits for it|nothing answers at .*; waits for it)\n$/,
      );
    }
  });

  it('end with exit code 1 when another process uses the same state, and start again after one was killed', async () => {
    for (const language of usable) {
      // In a folder that is made for it.
      const state = `of/${language.name}/shared.state`;
      const first = follow(language, state);
      await eventually(`the lock of ${language.name}`, () => existsSync(join(folder, `${state}.lock`)));
      const second = follow(language, state);
      const [code] = (await once(second.child, 'exit')) as [number | null];
      expect([code, second.refusals()], language.name).toEqual([1, expect.stringContaining('another process uses')]);
      expect(second.orders()).toEqual([]);
      expect(first.child.exitCode).toBeNull();
      first.child.kill('SIGKILL');
      await once(first.child, 'exit');
      const third = follow(language, state);
      await sleep(2000);
      expect([third.child.exitCode, third.refusals()], language.name).toEqual([
        null,
        expect.not.stringContaining('another'),
      ]);
    }
  });
});
