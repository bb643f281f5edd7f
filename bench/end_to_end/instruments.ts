import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { activateUnjudgedDirection } from './activate.ts';
import { SECONDS_PER_BAR, type OpenTime } from '../../shared/bar.ts';
import { liveInstrumentSchema } from '../../shared/bundle/direction/active_direction.ts';
import { createSimulatedMarket } from '../../shared/market/simulated_market.ts';
import { TIMEFRAMES, type Timeframe } from '../../shared/pair.ts';
import { loadSettings, type Settings } from '../../shared/policy/policy.ts';
import { createRng } from '../../shared/rng.ts';
import { writeRandomDirection } from '../direction_bundle.ts';
import { barsMessage, daysAgo } from '../market.ts';
import { randomEnsemble } from '../models.ts';
import { percentiles, type Percentiles } from '../percentiles.ts';
import { benchSettings } from '../settings.ts';
import { openTemporaryFolder } from '../temporary_folder.ts';
import { backfill, connectFeeder } from './field.ts';
import { startHelper, type Helper } from './process.ts';

export interface InstrumentsResult {
  /** Symbols; each is an instrument of every timeframe. */
  readonly symbols: number;
  readonly timeframes: readonly Timeframe[];
  /** Of each class of each model. */
  readonly trees: number;
  /** Microseconds from sending a minute's bars until a client has the signals of all bars that it ends. */
  readonly minutes: Percentiles;
  /** The same at the ends of hours, which end bars of both timeframes. */
  readonly hours: Percentiles;
  /** `feed.budget_ms` */
  readonly budget_ms: number;
}

export interface InstrumentsOptions {
  readonly symbols: number;
  readonly minutes: number;
  readonly print: (line: string) => void;
}

const USED: readonly Timeframe[] = ['1m', '1h'];
const TREES = 100;
const ROWS = 512;
const GOLDEN_ROWS = 8;
const DAYS_AGO = 400;
const MINUTES_PER_HOUR = 60;
const WARM_UP_MINUTES = 2 * MINUTES_PER_HOUR;

/** The daemon with instruments on one minute and one hour: bars of all symbols in, signals of all instruments out. */
export async function benchInstruments({
  symbols: count,
  minutes,
  print,
}: InstrumentsOptions): Promise<InstrumentsResult> {
  const { path: home, remove } = openTemporaryFolder('instruments');
  const symbols = Array.from({ length: count }, (_, i) => `S${String(i + 1).padStart(3, '0')}`);
  const settings = settingsOf(symbols);
  let daemon: Helper | null = null;
  try {
    writeModels(home, symbols);
    const settingsPath = join(home, 'settings.json');
    writeFileSync(settingsPath, JSON.stringify(settings));
    daemon = startHelper('daemon', { settingsPath, home });
    const { port } = await daemon.next<{ port: number }>((message) => message.port !== undefined);
    print(`${count} instruments on ${USED.join(' and ')}: bars of the past …`);
    const start = Math.ceil(daysAgo(DAYS_AGO) / TIMEFRAMES['1h']) * TIMEFRAMES['1h'];
    const market = createSimulatedMarket({ seed: 'bench instruments', symbols, start: start as OpenTime });
    const past = (Math.max(...USED.map(warmUpBars)) + 1) * MINUTES_PER_HOUR;
    await backfill(port, market, past);
    const measured = await measure(port, market, count, minutes, print);
    return {
      symbols: count,
      timeframes: USED,
      trees: TREES,
      budget_ms: settings.minutehand.feed.budget_ms,
      ...measured,
    };
  } finally {
    await daemon?.end();
    remove();
  }
}

/** One pair, as the configuration requires; without a model it holds. */
function settingsOf(symbols: readonly string[]): Settings {
  const pair = `${symbols[0]}_${symbols[1]}`;
  const settings = benchSettings({
    base: loadSettings({ env: {} }),
    pairs: [pair, ...symbols.slice(2).map((symbol) => `${symbols[0]}_${symbol}`)],
    redisUrl: 'redis://127.0.0.1:1',
  });
  const { minutehand } = settings;
  const instruments = USED.flatMap((timeframe) =>
    symbols.map((symbol) => (timeframe === '1m' ? symbol : `${symbol}@${timeframe}`)),
  );
  const transports = { ...minutehand.transports, redis: { ...minutehand.transports.redis, enabled: 'off' as const } };
  return { ...settings, minutehand: { ...minutehand, pairs: [pair], instruments, transports } };
}

function warmUpBars(timeframe: Timeframe): number {
  return Math.max(...liveInstrumentSchema(TIMEFRAMES[timeframe]).definitions.map(({ warmup_bars }) => warmup_bars));
}

function writeModels(home: string, symbols: readonly string[]): void {
  const models = join(home, 'models');
  mkdirSync(models, { recursive: true });
  USED.forEach((timeframe, i) => {
    const columns = liveInstrumentSchema(TIMEFRAMES[timeframe]).definitions.length;
    const rng = createRng(`instruments ${timeframe}`);
    const normal = (rows: number): Float32Array => Float32Array.from({ length: rows * columns }, () => rng.normal());
    const rows = normal(ROWS);
    const ensembles = ['up', 'down', 'range'].map(() => randomEnsemble(TREES, columns, rows, rng));
    const created = new Date(Date.UTC(2024, 0, 1, 0, i));
    const version = writeRandomDirection(models, {
      symbols,
      timeframe,
      created,
      ensembles,
      rows,
      goldenRows: normal(GOLDEN_ROWS),
    });
    activateUnjudgedDirection(models, version, timeframe, home);
  });
}

async function measure(
  port: number,
  market: ReturnType<typeof createSimulatedMarket>,
  symbols: number,
  minutes: number,
  print: (line: string) => void,
): Promise<{ minutes: Percentiles; hours: Percentiles }> {
  const feeder = await connectFeeder(port);
  const client = new WebSocket(`ws://127.0.0.1:${port}/signals`, { perMessageDeflate: false });
  await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject));
  // The last signals of the past come first.
  await sleep(500);
  let missing = 0;
  let undecided = 0;
  let onAll = (): void => undefined;
  client.on('message', (data: Buffer) => {
    if (data.includes('"reason":"NO_MODEL"') || data.includes('"reason":"WARMUP"')) undecided++;
    if (--missing === 0) onAll();
  });
  const us: Record<'minutes' | 'hours', number[]> = { minutes: [], hours: [] };
  print(`${minutes} minutes …`);
  for (let i = -WARM_UP_MINUTES; i < minutes; i++) {
    const { time, bars } = market.next();
    const isHour = (time + SECONDS_PER_BAR) % TIMEFRAMES['1h'] === 0;
    missing = 1 + (isHour ? 2 : 1) * symbols;
    const all = new Promise<void>((resolve) => (onAll = resolve));
    if (i === 0) undecided = 0;
    const text = barsMessage(bars);
    const startMs = performance.now();
    const { answered } = feeder.send(text);
    await all;
    if (i >= 0) us[isHour ? 'hours' : 'minutes'].push(1000 * (performance.now() - startMs));
    await answered;
  }
  feeder.close();
  client.terminate();
  // The pair has no model.
  if (undecided > minutes) throw new Error(`${undecided - minutes} signals of instruments were not decided`);
  return { minutes: percentiles(us.minutes), hours: percentiles(us.hours) };
}
