import type { Rng } from '../shared/ports.ts';
import type { ConsumerWeather } from './consumers.ts';
import type { FeedWeather } from './feed.ts';
import type { RedisWeather } from './redis.ts';

/** Fault rates of a world: events per hour, or probabilities 0…1. */
export interface Weather {
  readonly feed: FeedWeather;
  readonly consumer: ConsumerWeather;
  readonly network: RedisWeather;
  /** Longest loop turn of the daemon. */
  readonly turnMs: number;
  readonly kills: number;
  readonly powerCuts: number;
  /** Graceful stops. */
  readonly restarts: number;
  readonly signalDiskFaults: number;
  readonly modelDiskFaults: number;
  readonly slowDisk: number;
  readonly journalFaults: number;
  readonly redisEnds: number;
  readonly redisStalls: number;
  readonly redisFull: number;
  readonly redisSlow: number;
  readonly clockSteps: number;
  readonly clockStepMs: number;
  readonly swaps: number;
  /** The trainer is killed while it publishes. */
  readonly trainerKills: number;
  readonly badModels: number;
  readonly shadows: number;
  /** Live KPIs beyond their limits; an operator lifts every other halt later. */
  readonly halts: number;
  /** Probability that a set fails or becomes slow some time after it was loaded. */
  readonly failingModels: number;
  readonly slowModels: number;
  /** Periods without any bar. */
  readonly silences: number;
  readonly silenceMs: number;
  /** The machine is suspended over a weekend. */
  readonly sleeps: number;
  /** Periods with slow journal transactions. */
  readonly slowJournal: number;
  /** Deaths of the thread that writes the journal. */
  readonly journalDeaths: number;
}

const CALM_FEED: Omit<FeedWeather, 'rule' | 'door' | 'catchesUpAsHistory' | 'apart' | 'spreadMs'> = {
  lost: 0,
  late: 0,
  empty: 0,
  doubled: 0,
  revised: 0,
  malformed: 0,
  requestLost: 0,
  answerLost: 0,
};

/** The same world without faults. */
export function peaceAfter(storm: Weather): Weather {
  return {
    ...storm,
    feed: { ...storm.feed, ...CALM_FEED },
    consumer: { restarts: 0, pauses: 0, pauseMs: 0 },
    kills: 0,
    powerCuts: 0,
    restarts: 0,
    signalDiskFaults: 0,
    modelDiskFaults: 0,
    slowDisk: 0,
    journalFaults: 0,
    redisEnds: 0,
    redisStalls: 0,
    redisFull: 0,
    redisSlow: 0,
    clockSteps: 0,
    swaps: 0,
    trainerKills: 0,
    badModels: 0,
    shadows: 0,
    halts: 0,
    failingModels: 0,
    slowModels: 0,
    silences: 0,
    sleeps: 0,
    slowJournal: 0,
    journalDeaths: 0,
  };
}

/**
 * Draws which faults a world has, and their rates, independently. Many worlds with a few faults each find what a single
 * world with all faults hides (Groce et al., Swarm Testing, ISSTA 2012). One world in twenty has none.
 */
export function drawWeather(rng: Rng): Weather {
  const isCalm = rng.integer(20) === 0;
  const share = isCalm ? 0 : 0.15 + 0.35 * rng.uniform();
  /** Off, or log-uniform between the two. */
  const maybe = (low: number, high: number): number => {
    const isOn = rng.uniform() < share;
    const value = low * (high / low) ** rng.uniform();
    return isOn ? value : 0;
  };
  const powerCuts = maybe(1, 8);
  const journalFaults = maybe(1, 10);
  const rule = powerCuts > 0 || journalFaults > 0 || rng.integer(2) === 0 ? 'health' : 'resend';
  return {
    feed: {
      lost: maybe(0.002, 0.1),
      late: maybe(0.005, 0.2),
      empty: maybe(0.005, 0.2),
      doubled: maybe(0.01, 0.3),
      revised: maybe(0.01, 0.3),
      malformed: maybe(0.02, 0.5),
      requestLost: maybe(0.005, 0.1),
      answerLost: maybe(0.005, 0.2),
      spreadMs: 1 + maybe(10, 3000),
      apart: rng.integer(2) === 0,
      rule,
      catchesUpAsHistory: rng.integer(3) === 0,
      door: rng.integer(3) === 0 ? 'websocket' : 'http',
    },
    consumer: { restarts: maybe(1, 20), pauses: maybe(1, 20), pauseMs: 600_000 },
    network: { latencyMs: 0.1, spreadMs: 0.5 + maybe(5, 400) },
    turnMs: 0.2 + maybe(1, 20),
    kills: maybe(2, 40),
    powerCuts,
    restarts: maybe(1, 8),
    signalDiskFaults: maybe(1, 12),
    modelDiskFaults: maybe(1, 12),
    slowDisk: maybe(1, 8),
    journalFaults,
    redisEnds: maybe(1, 10),
    redisStalls: maybe(1, 15),
    redisFull: maybe(1, 6),
    redisSlow: maybe(1, 6),
    clockSteps: maybe(1, 12),
    clockStepMs: 1000 * 3600 ** rng.uniform(),
    swaps: maybe(2, 30),
    trainerKills: maybe(1, 10),
    badModels: maybe(1, 10),
    shadows: maybe(1, 6),
    failingModels: maybe(0.1, 0.8),
    slowModels: maybe(0.1, 0.8),
    silences: maybe(1, 6),
    silenceMs: 120_000 + rng.uniform() * 900_000,
    sleeps: maybe(0.3, 1),
    halts: maybe(2, 30),
    slowJournal: maybe(1, 12),
    journalDeaths: maybe(1, 8),
  };
}

/**
 * The weather with one to three of these: a slow journal, one that refuses, one whose thread fails. Faults that it has
 * stay as they are.
 */
export function withJournalFaults(weather: Weather, rng: Rng): Weather {
  const chosen = 1 + rng.integer(7);
  const forced = (bit: number, drawn: number, most: number): number =>
    drawn === 0 && (chosen & bit) !== 0 ? most ** rng.uniform() : drawn;
  const journalFaults = forced(1, weather.journalFaults, 10);
  return {
    ...weather,
    feed: { ...weather.feed, rule: journalFaults > 0 ? 'health' : weather.feed.rule },
    journalFaults,
    slowJournal: forced(2, weather.slowJournal, 12),
    journalDeaths: forced(4, weather.journalDeaths, 8),
  };
}

/** The faults of a weather in one line. */
export function describeWeather(weather: Weather): string {
  const { feed, consumer, network, ...events } = weather;
  const parts = Object.entries({ ...events, ...feed, ...consumer, ...network })
    .filter(([name, value]) => typeof value === 'number' && value > 0 && !ALWAYS.has(name))
    .map(([name, value]) => `${name} ${Number((value as number).toPrecision(2))}`);
  return `${parts.length === 0 ? 'calm' : parts.join(', ')}; feeder: ${feed.rule}, ${feed.door}, ${feed.apart ? 'one message a symbol' : 'one message a minute'}`;
}

/** Parameters that are not faults by themselves. */
const ALWAYS = new Set(['clockStepMs', 'silenceMs', 'pauseMs', 'latencyMs']);
