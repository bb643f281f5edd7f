import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { MinutehandError } from '../../shared/errors.ts';
import { homePaths } from '../../shared/policy/home.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { launcher } from '../launcher.ts';
import { stopSignal } from '../stop_signal.ts';
import { applyMarket, marketOption, type ReadyMessage } from './processes.ts';

const RESTART_AFTER_MS = 1000;
/** A process that ends this soon after its start would only end again. */
const SHORTEST_LIFE_MS = 10_000;

export function addUp(program: Command): void {
  program
    .command('up')
    .summary('run daemon and trainer (this is what npm start does)')
    .description(
      'Starts both processes, shows what they say, starts one again when it dies, and ends both on Ctrl-C. A second start resumes.',
    )
    .addOption(marketOption())
    .action((flags: { market?: string }) => {
      applyMarket(flags.market);
      return runUp();
    });
}

interface Part {
  readonly name: string;
  readonly args: readonly string[];
  child: ChildProcess | null;
  port: number | null;
}

async function runUp(): Promise<void> {
  const settings = loadSettings();
  const stopping = stopSignal();
  const parts: Part[] = [
    ...Object.keys(settings.minutehand.shards).map((shard) => ({
      name: shard === 'main' ? 'daemon' : `daemon ${shard}`,
      args: ['daemon', '--shard', shard],
      child: null,
      port: null,
    })),
    { name: 'trainer', args: ['trainer'], child: null, port: null },
  ];
  let ending = false;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => (fail = reject));
  const ended = parts.map((part) => keepRunning(part, () => ending, settings, parts, fail));
  try {
    const reason = await Promise.race([stopping, failed]);
    say('', reason === 'SIGINT' ? 'Ctrl-C: ending …' : `${reason}: ending …`);
  } finally {
    ending = true;
    for (const { child } of parts) child?.kill('SIGTERM');
    await Promise.all(ended);
  }
  say('', 'Both have ended. The next start resumes here.');
}

async function keepRunning(
  part: Part,
  isEnding: () => boolean,
  settings: Settings,
  parts: readonly Part[],
  fail: (error: unknown) => void,
): Promise<void> {
  while (!isEnding()) {
    const startedMs = performance.now();
    const code = await runOnce(part, () => {
      if (parts.every(({ port }) => port !== null)) showWhereToLook(settings, parts);
    });
    if (isEnding()) return;
    if (performance.now() - startedMs < SHORTEST_LIFE_MS) {
      fail(new MinutehandError('PROCESS_ENDED', { seen: `${part.name} ended with ${code} right after its start` }));
      return;
    }
    say(part.name, `ended with ${code}; it is started again.`);
    await new Promise((resolve) => setTimeout(resolve, RESTART_AFTER_MS));
  }
}

function runOnce(part: Part, onReady: () => void): Promise<string> {
  const [program, ...first] = launcher();
  const child = spawn(program!, [...first, ...part.args], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  part.child = child;
  for (const stream of [child.stdout!, child.stderr!])
    createInterface({ input: stream }).on('line', (line) => say(part.name, line));
  child.on('message', (message) => {
    part.port = (message as ReadyMessage).ready.port;
    onReady();
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      part.child = null;
      resolve(String(signal ?? code));
    });
  });
}

function say(who: string, line: string): void {
  process.stdout.write(who === '' ? `${line}\n` : `${who.padEnd(8)}│ ${line}\n`);
}

function showWhereToLook(settings: Settings, parts: readonly Part[]): void {
  const { minutehand } = settings;
  const paths = homePaths();
  const port = parts[0]!.port!;
  const trainerPort = parts.at(-1)!.port!;
  const simulated = minutehand.market === 'simulated';
  const pair = minutehand.pairs[0]!;
  const lines = [
    '',
    simulated
      ? `minutehand is up on a SIMULATED market: ${minutehand.pairs.length} pairs, one simulated minute every ${minutehand.simulated.bar_interval_ms / 1000} s.`
      : `minutehand is up: ${minutehand.pairs.length} pairs, waiting for live bars.`,
    '',
    `  signal files   ${paths.signals}/<pair>/signal.json   (all pairs: signals.json)`,
    `  check them     npx minutehand signal verify ${paths.signals}/*/signal.json`,
    `  WebSocket      ws://127.0.0.1:${port}/signals?pairs=${pair}`,
    `  Redis          redis-cli subscribe minutehand:signals   (when a Redis server answers at ${minutehand.transports.redis.url.replace(/\/\/.*@/, '//***@')})`,
    ...(simulated
      ? []
      : [
          `  send bars      curl -X POST http://127.0.0.1:${port}/bars -d '[{"symbol": …}]'   (history first: /bars?backfill=1)`,
        ]),
    `  health         http://127.0.0.1:${port}/healthz   /readyz   /metrics`,
    `  trainer        http://127.0.0.1:${trainerPort}/healthz   retrain now: curl -X POST http://127.0.0.1:${trainerPort}/retrain`,
    `  models, logs   ${paths.models}   ${paths.log}`,
    '',
    simulated
      ? '  Next: first models are trained on the simulated history (within a minute), then every signal has mode OK.'
      : '  Next: signals have mode WARMUP until every window is full, and HALT until there are models.',
    '  Ctrl-C ends both; the next start resumes.',
    '',
  ];
  for (const line of lines) say('', line);
}
