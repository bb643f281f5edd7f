#!/usr/bin/env node
/**
 * Follows pairs by WebSocket and prints what to do: OPEN, CLOSE, HALT, SKIP (an entry without a size). Node 20 or
 * newer; Node 22 needs no package, Node 20 needs `ws`.
 *
 *     node examples/follow.mjs NZDUSD_USDCAD,GBPUSD_USDCHF --paper
 *
 * Checks and rules are those of docs/reference/PROTOCOL.md. An order is printed after the state that prevents a second
 * one is on disk. What the program does not do: place orders, close a position after max_age_bars, or apply a stop of
 * your own.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const MAX_CLOCK_SKEW_MS = 2000;
const OPENED_KEPT = 1000;
const MAX_SILENCE_MS = 180_000;

const text = (pattern) => (value) => typeof value === 'string' && pattern.test(value);
const number = (low, high) => (value) => Number.isFinite(value) && value >= low && value <= high;
const whole = (low, high) => (value) => Number.isSafeInteger(value) && value >= low && value <= high;
const ANY_NUMBER = number(-Infinity, Infinity);
const SHARE = number(0, 1);
const PRICE = number(Number.MIN_VALUE, Infinity);
const GREATEST_BETA = 1000;
const COUNT = whole(1, Infinity);
const ANY_TEXT = text(/^/);
const NAME = text(/./s);

/** In the order of the line. */
const FIELDS = {
  timestamp: text(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00Z$/),
  pair: NAME,
  z_score: ANY_NUMBER,
  return_prob: SHARE,
  risk_score: SHARE,
  entry: ANY_TEXT,
  confidence: SHARE,
  risk_flag: whole(0, 1),
  theta1: SHARE,
  theta2: SHARE,
  position_scale: SHARE,
  action: text(/^(ENTER|EXIT|HOLD)$/),
  reason: text(/^[A-Z_]+$/),
  target: whole(-1, 1),
  position_id: text(/^([0-9a-f]{32})?$/),
  max_age_bars: COUNT,
  beta: ANY_NUMBER,
  price_a: PRICE,
  price_b: PRICE,
  pair_id: text(/^[A-Z0-9]+(?:\.[A-Z0-9]+)*_[A-Z0-9]+(?:\.[A-Z0-9]+)*(@(5m|15m|1h|4h|1d))?$/),
  signal_id: text(/^[0-9a-f]{32}$/),
  model_version: ANY_TEXT,
  feature_schema: text(/^[0-9a-f]{16}$/),
  policy_hash: text(/^[0-9a-f]{16}$/),
  mode: text(/^(OK|WARMUP|DEGRADED|HALT)$/),
  expected_net_bps: (value) => value === null || ANY_NUMBER(value),
  leverage_reduction_rate: number(Number.MIN_VALUE, 1),
  novelty: SHARE, // only of a candidate, where the bundle describes the rows that it learned from
  // Both or neither: of a rollout.
  arm: text(/^(champion|challenger)$/),
  rollout: NAME,
  fence: COUNT, // only with a lease
  schema: ANY_TEXT,
  market: text(/^(live|simulated|replay)$/),
  boot_id: NAME,
  seq: COUNT,
  generated_at_ms: COUNT,
  valid_until_ms: COUNT,
  crc32: text(/^[0-9a-f]{8}$/),
};
const OPTIONAL = { novelty: 'novelty', arm: 'rollout', rollout: 'rollout', fence: 'fence' }; // present when that field is
const ABSENT = (value) => value === null;
const pick = (names) => Object.fromEntries(names.map((name) => [name, FIELDS[name]]));
/** Of the signal of an instrument: the first eleven, the envelope and most others are those of a pair. */
const INSTRUMENT_FIELDS = {
  ...pick(Object.keys(FIELDS).slice(0, 11)),
  ml_up_prob: SHARE,
  ml_down_prob: SHARE,
  ml_range_prob: SHARE,
  ...pick(['action', 'reason', 'target', 'position_id', 'max_age_bars']),
  stop: PRICE,
  take_profit: PRICE,
  price: PRICE,
  ...pick(['pair_id', 'signal_id', 'model_version', 'feature_schema', 'policy_hash', 'mode']),
  ...pick(['novelty', 'fence', ...Object.keys(FIELDS).slice(-7)]),
  z_score: ABSENT,
  return_prob: ABSENT,
  risk_score: ABSENT,
  risk_flag: ABSENT,
  theta1: ABSENT,
  theta2: ABSENT,
  pair_id: text(/^[A-Z0-9]+(?:\.[A-Z0-9]+)*(@(5m|15m|1h|4h|1d))?$/),
};
const SCHEMAS = { 'minutehand.signal/2': FIELDS, 'minutehand.instrument/1': INSTRUMENT_FIELDS };
const NULLABLE = new Set(
  'z_score return_prob risk_score confidence risk_flag theta1 theta2 position_scale beta price_a price_b'.split(' '),
);
const SCORES = new Set('return_prob risk_score confidence risk_flag theta1 theta2'.split(' ')); // of the models
const INSTRUMENT_NULLABLE = new Set(
  'confidence position_scale ml_up_prob ml_down_prob ml_range_prob max_age_bars stop take_profit price'.split(' '),
);

/** The signal is no order. `code`: TORN, SCHEMA, FORMAT, MARKET, LOWER_FENCE, OLDER_BOOT … of PROTOCOL.md. */
export class Refused extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** CRC-32 (IEEE 802.3) of UTF-8 text, eight lowercase hex digits; `zlib.crc32` is not in every Node 20. */
function crc32(covered) {
  let crc = -1;
  for (const byte of Buffer.from(covered, 'utf8')) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0xedb88320 & -(crc & 1));
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

/** What a decided bar may lack: a rule needs no model, and its positions of instruments may have no stop or target. */
function mayLack(name, { schema, model_version, position_id, action }) {
  const isOfRule = model_version.startsWith('rule/');
  if (SCHEMAS[schema] !== INSTRUMENT_FIELDS) return isOfRule && SCORES.has(name);
  if (isOfRule) return !['position_scale', 'max_age_bars', 'price'].includes(name);
  return position_id !== '' && action !== 'ENTER' && ['stop', 'take_profit'].includes(name);
}

function isConsistent(signal) {
  const fields = SCHEMAS[signal.schema];
  const isInstrument = fields === INSTRUMENT_FIELDS;
  const nullable = isInstrument ? INSTRUMENT_NULLABLE : NULLABLE;
  const names = Object.keys(fields).filter((name) => !(name in OPTIONAL) || OPTIONAL[name] in signal);
  if (Object.keys(signal).join() !== names.join()) return false;
  const { action, reason, mode, target, entry, position_id, signal_id, pair_id, beta } = signal;
  const mayBeNull = ['WARMUP', 'HALT'].includes(mode) || ['LEG_MISSING', 'LEG_EMPTY', 'BAR_SUSPECT'].includes(reason);
  const isAbsent = (name) => signal[name] === null && nullable.has(name) && (mayBeNull || mayLack(name, signal));
  for (const name of names) if (!fields[name](signal[name]) && !isAbsent(name)) return false;
  if (isInstrument && !sumsToOne(signal)) return false;
  if (reason === 'SILENCE' && (action !== 'HOLD' || mode === 'OK')) return false;
  if (reason === 'SHUTDOWN' && (action !== 'HOLD' || mode !== 'HALT')) return false;
  if (action === 'EXIT') return target === 0 && entry === '';
  if ((target === 0) !== (position_id === '')) return false;
  if (action !== 'ENTER') return entry === '';
  if (target === 0 || position_id !== signal_id || (mode !== 'OK' && mode !== 'DEGRADED')) return false;
  const [a, b] = pair_id.split('@')[0].split('_');
  const word = (side) => (side > 0 ? 'BUY' : 'SELL');
  if (isInstrument) return entry === `${word(target)}_${a}`;
  return entry === `${word(target)}_${a}, ${word(beta < 0 ? target : -target)}_${b}`;
}

/** Whether leg B can be sized: no daemon enters with |beta| of 0, or above the greatest that a policy allows. */
const hasSize = ({ beta }) => Math.abs(beta) > 0 && Math.abs(beta) <= GREATEST_BETA;

/** All three probabilities, or none. */
function sumsToOne({ ml_up_prob: up, ml_down_prob: down, ml_range_prob: range }) {
  if (up === null && down === null && range === null) return true;
  return up !== null && down !== null && range !== null && Math.abs(up + down + range - 1) <= 1e-6;
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Checks 1 to 3. @throws Refused */
function readSignal(data) {
  const line = data.trim();
  const end = line.lastIndexOf(',"crc32":"');
  const isWhole = line.startsWith('{') && end > 0 && line.slice(end) === `,"crc32":"${crc32(line.slice(0, end))}"}`;
  if (!isWhole) throw new Refused('TORN');
  const signal = parse(line);
  if (!Object.hasOwn(SCHEMAS, signal?.schema ?? '')) throw new Refused('SCHEMA');
  if (!isConsistent(signal)) throw new Refused('FORMAT');
  return signal;
}

/** Text and time in, orders out. `state` is plain data, to be stored before an order is carried out. */
export class Consumer {
  constructor(markets, state = {}) {
    this.markets = markets;
    this.state = state;
  }

  /**
   * @param pairIds whose signals come this way; empty = all
   * @returns orders, each a list of words
   * @throws Refused
   */
  take(data, nowMs, pairIds = []) {
    const signal = readSignal(data);
    const { market, pair_id, fence = 0, timestamp, boot_id, seq, mode, action, target, position_id, reason } = signal;
    if (!this.markets.includes(market)) throw new Refused('MARKET');
    if (pairIds.length > 0 && !pairIds.includes(pair_id)) throw new Refused('PAIR');
    const memory = (this.state[`${market}/${pair_id}`] ??= { boot_id: '', seq: 0, held: '', opened: [] });
    const { fence: highest = 0, timestamp: lastBar = '' } = memory;
    if (fence < highest) throw new Refused('LOWER_FENCE');
    if (fence === highest) {
      if (boot_id < memory.boot_id) throw new Refused('OLDER_BOOT');
      if (boot_id === memory.boot_id && seq < memory.seq) throw new Refused('OUT_OF_ORDER');
      if (boot_id === memory.boot_id && seq === memory.seq) throw new Refused('REPEATED');
    }
    Object.assign(memory, { boot_id, seq, fence }); // also when it has expired
    if (fence > 0 && timestamp < lastBar) throw new Refused('OLDER_BAR');
    if (fence > 0) memory.timestamp = timestamp;
    if (signal.valid_until_ms < nowMs) throw new Refused('STALE');
    if (signal.generated_at_ms > nowMs + MAX_CLOCK_SKEW_MS) throw new Refused('FUTURE');
    const orders = [];
    if (memory.held !== '' && (target === 0 || position_id !== memory.held)) {
      orders.push(['CLOSE', memory.held, reason]);
      memory.held = '';
    }
    const mayEnter = mode === 'OK' || mode === 'DEGRADED';
    if (action === 'ENTER' && mayEnter && !memory.opened.includes(position_id)) {
      memory.opened = [...memory.opened, position_id].slice(-OPENED_KEPT);
      const [a, b] = signal.entry.split(', '); // one leg of an instrument, two of a pair
      const legs = b === undefined ? [a, 1] : [a, 1, b, Math.abs(signal.beta)]; // side_symbol, weight
      if (b !== undefined && !hasSize(signal)) orders.push(['SKIP', position_id, 'SIZE_BETA']);
      else {
        memory.held = position_id;
        orders.push([
          'OPEN',
          position_id,
          ...legs,
          'scale',
          signal.position_scale,
          'max_age_bars',
          signal.max_age_bars,
        ]);
      }
    }
    if (mode === 'HALT') orders.push(['HALT', pair_id, reason]); // no entries; cancel pending ones
    return orders;
  }

  /** A position was closed by anything but a CLOSE: own stop, maximum age, a person. */
  closed(positionId) {
    for (const memory of Object.values(this.state)) if (memory.held === positionId) memory.held = '';
  }
}

function save(path, state) {
  const file = openSync(`${path}.new`, 'w');
  writeSync(file, JSON.stringify(state));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
}

/** Start of a process: its number may be given again to another. Empty where the system does not say. */
function startOf(pid) {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[19]}`;
  } catch {
    return '';
  }
}

function isAlive(owner) {
  const { pid, start } = parse(owner) ?? {};
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (startOf(process.pid) !== '') return startOf(pid) === start;
  try {
    process.kill(pid, 0);
    return pid !== process.pid;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Two processes with one state would open each position twice.
 * @returns whether this process has the lock; to be asked before each order. Ends the process when another one has it
 */
function lock(path) {
  mkdirSync(dirname(path), { recursive: true });
  const file = `${path}.lock`;
  const own = `${file}.${process.pid}`;
  const text = JSON.stringify({ pid: process.pid, start: startOf(process.pid) });
  const isMine = () => readOrEmpty(file) === text;
  writeFileSync(own, text);
  try {
    // The second attempt follows the removal of a lock that a killed process left.
    for (let attempt = 0; attempt < 2 && !isMine(); attempt++) {
      try {
        linkSync(own, file); // exclusive, and whole at once
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
        if (!isAlive(readOrEmpty(file))) rmSync(file, { force: true });
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
  if (!isMine()) end(path);
  return isMine;
}

function end(state) {
  process.stderr.write(
    `follow.mjs: another process uses ${state}: end it, or give this one a file of its own with --state\n`,
  );
  process.exit(1);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      paper: { type: 'boolean', default: false }, // also accept the simulated market and replays
      url: { type: 'string', default: `ws://127.0.0.1:${process.env.MINUTEHAND_DAEMON_PORT ?? 7400}/signals` },
      state: { type: 'string', default: 'var/follow_mjs.json' }, // what has been seen, held and opened; one file per process
    },
  });
  const markets = values.paper ? ['live', 'simulated', 'replay'] : ['live'];
  const pairIds = positionals.flatMap((word) => word.split(',')).filter((word) => word !== '');
  const isMine = lock(values.state);
  const state = existsSync(values.state) ? JSON.parse(readFileSync(values.state, 'utf8')) : {};
  const consumer = new Consumer(markets, state);
  const WebSocket = globalThis.WebSocket ?? (await import('ws')).WebSocket;
  const url = pairIds.length === 0 ? values.url : `${values.url}?pairs=${pairIds.join()}`;

  function take(data) {
    if (!isMine()) end(values.state);
    let orders = [];
    try {
      orders = consumer.take(data, Date.now(), pairIds);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      process.stderr.write(`refused ${error.code}\n`);
    }
    save(values.state, consumer.state);
    for (const order of orders) process.stdout.write(`${order.join(' ')}\n`); // a real program places its order here
  }

  const note = (words) => process.stderr.write(`follow.mjs: ${words}\n`);

  /** What the daemon says of the request itself; the signals of known pairs go on. */
  function told({ code, message, next }) {
    note(`${code}: ${message} ${next}`);
    const unknown = /Seen: (.*?)\.(?: Expected|$)/.exec(message)?.[1].split(', ') ?? [];
    if (code !== 'PAIR_UNKNOWN' || !pairIds.every((id) => unknown.includes(id))) return;
    rmSync(`${values.state}.lock`, { force: true });
    process.exit(1); // no signal would ever come
  }
  let wasThere = true;
  for (;;) {
    const socket = new WebSocket(url);
    await new Promise((resolve) => {
      // Every pair has a signal a minute, also while its market rests: a connection that is silent for longer is dead,
      // though nothing may have closed it.
      let silence = setTimeout(resolve, MAX_SILENCE_MS);
      socket.onmessage = ({ data }) => {
        clearTimeout(silence);
        silence = setTimeout(resolve, MAX_SILENCE_MS);
        const error = parse(data)?.error;
        if (error === undefined) take(data);
        else told(error);
      };
      socket.onopen = () => {
        wasThere = true;
        note(`connected to ${url}; waits for the first order`);
      };
      socket.onclose = resolve;
      socket.onerror = () => {
        if (wasThere) note(`nothing answers at ${url}; waits for it`);
        wasThere = false;
        resolve();
      };
    });
    socket.onmessage = null;
    socket.close();
    await sleep(1000); // the daemon has ended, or is not there yet
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href)
  await main();
