/**
 * The skill of a model card, computed a second time without the code that trained it: the coins, the mirrored bars, the
 * AUC, the trading days and the bootstrap are written anew here from docs/reference/MODELS.md, and onnxruntime answers.
 * Of minutehand it uses two commands alone: `dataset export`, which states features and labels of bars, on the
 * recorded bars and on each mirrored market.
 *
 *     node bench/skill_outside.mjs <bundle folder> <folder of SYMBOL.csv[.gz]> [--json]
 *
 * The bars are those of the training, its configuration that of MINUTEHAND_CONFIG. Looks at the holdout are counted in
 * a temporary home. Exit code 1: the card and this program differ by more than TOLERANCE.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

/** Of the AUC, the placebo AUC and the skill: prices pass through text, logarithms through another library. */
const TOLERANCE = 1e-4;
/** In a holdout of few rows, one that is a candidate here alone is more: this share of a row. */
const ROW_TOLERANCE = 0.05;
/** Of the standard error, as a share of it: both are of some hundred random resamples. */
const ERROR_TOLERANCE = 0.25;
const RESAMPLES = 1000;
const ROWS_AT_ONCE = 4096;

// Before the library is loaded, which else sends events to its maker.
process.env.ORT_DISABLE_TELEMETRY ??= '1';
// Our own door to it is code that this program is to be independent of.
// oxlint-disable-next-line no-restricted-imports
const { InferenceSession, Tensor } = await import('onnxruntime-node');

const PROGRAM = fileURLToPath(new URL('../dist/cli/minutehand.js', import.meta.url));

/** FNV-1a of the name of the draw and the time, finished as MurmurHash3 does: 1 or −1. */
function coinOf(draw, time) {
  let hash = 0x811c9dc5;
  for (const character of draw) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  hash = Math.imul(hash ^ (time >>> 0), 0x85ebca6b) ^ Math.floor(time / 2 ** 32);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) & 1) === 0 ? 1 : -1;
}

function linesOf(path) {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** Bars of a file with every log return from the close before mirrored where the coin of its time is −1. */
function mirrored(path, draw) {
  const [header, ...lines] = linesOf(path);
  const names = header.split(',').map((name) => name.trim());
  const at = Object.fromEntries(['time', 'open', 'high', 'low', 'close'].map((name) => [name, names.indexOf(name)]));
  if (Object.values(at).includes(-1)) throw new Error(`${path}: a column of time, open, high, low, close is missing`);
  let before = null;
  let placebo = 0;
  const changed = lines.map((line) => {
    const cells = line.split(',');
    const side = coinOf(draw, Number(cells[at.time]));
    const priceOf = (name) => Math.log(Number(cells[at[name]]));
    if (before === null) {
      before = priceOf('open');
      placebo = before;
    }
    const moved = (name) => Math.exp(placebo + side * (priceOf(name) - before));
    const open = moved('open');
    const close = moved('close');
    const ends = [moved('high'), moved('low'), open, close];
    placebo += side * (priceOf('close') - before);
    before = priceOf('close');
    cells[at.open] = String(open);
    cells[at.close] = String(close);
    cells[at.high] = String(Math.max(...ends));
    cells[at.low] = String(Math.min(...ends));
    return cells.join(',');
  });
  return `${[header, ...changed].join('\n')}\n`;
}

/** Rows of the holdout of AI1 in these bars: [rows × features], labels, times. */
function rowsOf(bars, { folder, holdoutFrom, features }) {
  const out = join(folder, 'rows.csv');
  const args = ['dataset', 'export', '--role', 'ai1', '--parts', 'holdout', '--holdout-from', holdoutFrom];
  const env = { ...process.env, MINUTEHAND_HOME: join(folder, 'home') };
  const ran = spawnSync(process.execPath, [PROGRAM, ...args, '--data', bars, '--out', out], { env, encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`minutehand ${args.join(' ')} --data ${bars}: ${ran.stderr}`);
  const [header, ...lines] = linesOf(out);
  const names = header.split(',');
  const column = (name) => names.indexOf(name);
  const rows = lines.map((line) => line.split(','));
  const values = new Float32Array(rows.length * features.length).fill(NaN);
  features.forEach((name, i) => {
    const from = column(name);
    if (from < 0) return;
    rows.forEach((cells, row) => {
      if (cells[from] !== '') values[row * features.length + i] = Number(cells[from]);
    });
  });
  return {
    values,
    label: rows.map((cells) => Number(cells[column('label')])),
    time: rows.map((cells) => Number(cells[column('time')])),
  };
}

async function scoresOf(session, { values, label }, columns) {
  const scores = [];
  for (let from = 0; from < label.length; from += ROWS_AT_ONCE) {
    const rows = Math.min(ROWS_AT_ONCE, label.length - from);
    const part = values.subarray(from * columns, (from + rows) * columns);
    const [input] = session.inputNames;
    const answer = await session.run({ [input]: new Tensor('float32', part, [rows, columns]) });
    scores.push(...answer[session.outputNames[0]].data);
  }
  return scores;
}

/** Share of pairs of a positive and a negative in which the positive scores higher, each row as often as its weight. */
function aucOf(sorted, weightOf) {
  let wins = 0;
  let positives = 0;
  let negatives = 0;
  for (let from = 0; from < sorted.length;) {
    let until = from;
    let tiedPositives = 0;
    let tiedNegatives = 0;
    for (; until < sorted.length && sorted[until].score === sorted[from].score; until++) {
      const weight = weightOf(sorted[until]);
      if (sorted[until].label === 1) tiedPositives += weight;
      else tiedNegatives += weight;
    }
    wins += tiedPositives * (negatives + tiedNegatives / 2);
    positives += tiedPositives;
    negatives += tiedNegatives;
    from = until;
  }
  return wins / (positives * negatives);
}

const NEW_YORK = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/New_York',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
});
const hoursToday = new Map();

/** Number of the trading day, which ends at 17:00 in New York, Friday's on Monday. */
function tradingDay(time) {
  // A row is of the close of its bar: that of 17:00 is the last one of its day.
  const hour = Math.ceil(time / 3600) - 1;
  if (!hoursToday.has(hour)) {
    const parts = Object.fromEntries(NEW_YORK.formatToParts(hour * 3_600_000).map(({ type, value }) => [type, value]));
    const local = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour) / 3_600_000;
    const day = Math.floor((local + 7) / 24);
    // 1970-01-01 was a Thursday; Saturday and Sunday are Monday's.
    const weekday = (day + 4) % 7;
    hoursToday.set(hour, day + (weekday === 6 ? 2 : weekday === 0 ? 1 : 0));
  }
  return hoursToday.get(hour);
}

/** A generator of uniform numbers (mulberry32). */
function uniformNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Of AUC − mean of the placebo AUCs: a stationary bootstrap of trading days, the same days of all markets. */
function standardError(markets) {
  const days = [...new Set(markets.flat().map(({ day }) => day))].sort((a, b) => a - b);
  const index = new Map(days.map((day, i) => [day, i]));
  const uniform = uniformNumbers(1);
  const run = Math.max(1, Math.round(Math.cbrt(days.length)));
  const found = [];
  for (let resample = 0; resample < RESAMPLES; resample++) {
    const weight = new Float64Array(days.length);
    let at = 0;
    for (let taken = 0; taken < days.length; taken++) {
      const jumps = taken === 0 || uniform() < 1 / run;
      at = jumps ? Math.floor(uniform() * days.length) : (at + 1) % days.length;
      weight[at]++;
    }
    const [own, ...others] = markets.map((rows) => aucOf(rows, ({ day }) => weight[index.get(day)]));
    found.push(own - others.reduce((sum, value) => sum + value, 0) / others.length);
  }
  const known = found.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const squares = known.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { days: days.length, error: Math.sqrt(squares / (known.length - 1)) };
}

async function recompute(bundle, data, folder) {
  const manifest = JSON.parse(readFileSync(join(bundle, 'manifest.json'), 'utf8'));
  const { seed, skill: card, features, pairs } = manifest;
  if (card === null || card === undefined) throw new Error(`${bundle}: its card states no skill`);
  const session = await InferenceSession.create(readFileSync(join(bundle, 'ai1.onnx')));
  const legs = new Set(pairs.flatMap((pair) => pair.split('_')));
  const files = readdirSync(data).filter((name) => legs.has(name.split('.')[0]) && /\.csv(\.gz)?$/.test(name));
  const wanted = { folder, holdoutFrom: manifest.period.holdout_from, features };
  const scored = async (bars) => {
    const rows = rowsOf(bars, wanted);
    const scores = await scoresOf(session, rows, features.length);
    return scores
      .map((score, i) => ({ score, label: rows.label[i], day: tradingDay(rows.time[i]) }))
      .sort((a, b) => a.score - b.score);
  };
  const markets = [await scored(data)];
  for (let draw = 0; draw < card.draws; draw++) {
    const bars = join(folder, `market${draw}`);
    mkdirSync(bars);
    for (const name of files)
      writeFileSync(join(bars, name.replace(/\.gz$/, '')), mirrored(join(data, name), `${seed}/coins/${draw}`));
    markets.push(await scored(bars));
    rmSync(bars, { recursive: true });
  }
  const [auc, ...others] = markets.map((rows) => aucOf(rows, () => 1));
  const placebo = others.reduce((sum, value) => sum + value, 0) / others.length;
  const squares = others.reduce((sum, value) => sum + (value - placebo) ** 2, 0);
  const ofDraws = Math.sqrt((squares / (others.length - 1)) * (1 + 1 / others.length));
  const { days, error: ofDays } = standardError(markets);
  const error = Math.max(ofDays, ofDraws);
  return {
    bundle: basename(bundle),
    card: { ...card },
    outside: { auc, placebo_auc: placebo, skill: auc - placebo, standard_error: error, draws: card.draws, days },
    placebo_aucs: others,
    rows: markets.map(({ length }) => length),
  };
}

const [bundle, data] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (bundle === undefined || data === undefined) {
  console.error('node bench/skill_outside.mjs <bundle folder> <folder of SYMBOL.csv[.gz]> [--json]');
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'minutehand-skill-'));
try {
  const found = await recompute(bundle, data, folder);
  const { card, outside } = found;
  const differences = ['auc', 'placebo_auc', 'skill'].map((name) => [name, Math.abs(card[name] - outside[name])]);
  const ofError = card.standard_error === null ? null : Math.abs(outside.standard_error / card.standard_error - 1);
  const tolerance = Math.max(TOLERANCE, ROW_TOLERANCE / Math.min(...found.rows));
  const agrees =
    differences.every(([, difference]) => difference <= tolerance) && (ofError === null || ofError <= ERROR_TOLERANCE);
  if (process.argv.includes('--json')) console.log(JSON.stringify({ ...found, agrees }, null, 2));
  else {
    for (const name of ['auc', 'placebo_auc', 'skill', 'standard_error', 'days'])
      console.log(`${name.padEnd(15)} card ${card[name]}  outside ${outside[name]}`);
    console.log(agrees ? 'The card agrees.' : 'THE CARD DIFFERS.');
  }
  process.exitCode = agrees ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
