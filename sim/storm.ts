import { ALL_PAIRS, haltsPath } from '../shared/bundle/halts.ts';
import { ln } from '../shared/elementary.ts';
import type { Rng } from '../shared/ports.ts';
import type { Operation } from './disk.ts';
import type { LeaseWeather, LeaseWorld } from './lease_world.ts';
import type { Weather } from './swarm.ts';
import type { Variety } from './variety.ts';
import type { Timeline } from './timeline.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Training runs per hour in worlds with failing models. */
const RUNS_OF_FAILING_MODELS = 8;
const WRITING: readonly Operation[] = ['write', 'rename', 'makeFolder', 'sync'];

/** Schedules a world's faults from its start until `endMs`. */
export function scheduleStorm(world: World, endMs: number): void {
  const storm = new Storm(world, endMs);
  // All draw from the same random stream, so their order is part of what a seed means.
  scheduleMachineFaults(storm);
  scheduleDiskFaults(storm);
  scheduleRedisFaults(storm);
  scheduleModelEvents(storm);
  scheduleSilences(storm);
  scheduleJournalThread(storm);
  if (world.variety !== null) scheduleDirections(storm, world.variety);
  if (world.variety !== null) scheduleRules(storm, world.variety);
  if (world.lease !== null && world.kind.lease !== null) scheduleLease(storm, world.lease, world.kind.lease);
}

/** Random times of events, and durations of their effects. */
class Storm {
  readonly world: World;
  readonly weather: Weather;
  readonly timeline: Timeline;
  readonly rng: Rng;
  readonly endMs: number;

  constructor(world: World, endMs: number) {
    this.world = world;
    this.weather = world.weather;
    this.timeline = world.timeline;
    this.rng = world.rng;
    this.endMs = endMs;
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.rng.integer(choices.length)]!;
  }

  /** Log-uniform: short times are as likely as long ones. */
  duration(longestMs: number): number {
    return 1000 * (longestMs / 1000) ** this.rng.uniform();
  }

  /** Calls `work` after a random duration of up to `longestMs`, no later than the end of the faults. */
  within(longestMs: number, work: () => void): void {
    this.timeline.at(Math.min(this.endMs, this.timeline.nowMs + this.duration(longestMs)), work);
  }

  /** Schedules an event as a Poisson process with this rate. */
  often(perHour: number, event: () => void): void {
    if (perHour === 0) return;
    const timeMs = this.timeline.nowMs - (HOUR_MS / perHour) * ln(1 - this.rng.uniform());
    if (timeMs >= this.endMs) return;
    this.timeline.at(timeMs, () => {
      event();
      this.often(perHour, event);
    });
  }

  /** Schedules the start and the end of a condition. */
  spell(longestMs: number, begin: () => void, end: () => void): () => void {
    return () => {
      begin();
      this.within(longestMs, end);
    };
  }

  /** Strikes when the bars of a minute arrive, when a daemon has the most to lose. */
  atNextBars(strike: () => void): void {
    const untilMinuteMs = MINUTE_MS - (this.world.trueMs() % MINUTE_MS);
    const atMs = this.timeline.nowMs + untilMinuteMs + this.rng.uniform() * 1500;
    if (atMs < this.endMs) this.timeline.at(atMs, strike);
  }
}

/** Faults of the process and the machine. */
function scheduleMachineFaults(storm: Storm): void {
  const { world, weather, rng, timeline } = storm;
  storm.often(weather.kills, () => {
    const calls = rng.integer(60);
    const strike = (): void => {
      world.trace(() => `daemon: dies at its ${calls}. call from now`);
      world.process?.killAtCall(calls);
    };
    if (rng.integer(4) === 0) world.machine.kill();
    else if (rng.integer(4) === 0) strike();
    else storm.atNextBars(strike);
  });
  storm.often(weather.powerCuts, () => {
    if (rng.integer(2) === 0) world.machine.cutPower();
    else storm.atNextBars(() => world.machine.cutPower());
  });
  storm.often(weather.restarts, () => {
    const stop = (): void => world.machine.stop();
    const kind = rng.integer(4);
    if (kind === 0) stop();
    else if (kind === 1) world.atNextMessage = stop;
    else storm.atNextBars(stop);
  });
  storm.often(weather.clockSteps, () => {
    const stepMs = Math.round((rng.uniform() * 2 - 1) * weather.clockStepMs);
    storm.spell(
      10 * MINUTE_MS,
      () => (world.wallOffsetMs = stepMs),
      () => (world.wallOffsetMs = 0),
    )();
  });
  storm.often(weather.sleeps, () => {
    const sleptMs = HOUR_MS * (2 + 46 * rng.uniform());
    world.trace(() => `machine: sleeps for ${(sleptMs / HOUR_MS).toFixed(1)} h`);
    world.sleptMs += sleptMs;
    timeline.spend(sleptMs);
  });
}

/** The lease server, the way to it, and another machine. */
function scheduleLease(storm: Storm, world: LeaseWorld, weather: LeaseWeather): void {
  const { rng } = storm;
  const { server } = world;
  const endRival = (): void => (rng.integer(2) === 0 ? world.killRival() : world.stopRival());
  storm.often(
    weather.rivals,
    storm.spell(8 * MINUTE_MS, () => world.startRival(), endRival),
  );
  storm.often(
    weather.cuts,
    storm.spell(
      3 * MINUTE_MS,
      () => world.isolate(),
      () => world.reconnect(),
    ),
  );
  storm.often(
    weather.downs,
    storm.spell(
      2 * MINUTE_MS,
      () => (server.isDown = true),
      () => (server.isDown = false),
    ),
  );
  storm.often(
    weather.slows,
    storm.spell(
      3 * MINUTE_MS,
      () => (server.slowMs = 15_000 ** rng.uniform()),
      () => (server.slowMs = 0),
    ),
  );
  storm.often(weather.losses, () => server.loseData());
  storm.often(weather.serverSteps, () => {
    world.serverOffsetMs = Math.round((rng.uniform() * 2 - 1) * HOUR_MS);
  });
}

/** Training runs and damage of direction models. */
function scheduleDirections(storm: Storm, { directionRuns, directionDamage, directionShadows }: Variety): void {
  const { world, rng } = storm;
  storm.often(directionRuns, () => world.directions.publish());
  storm.often(directionDamage, () => {
    world.directions.damage(rng);
    if (rng.integer(2) === 0) storm.within(5 * MINUTE_MS, () => world.directions.publish());
  });
  storm.often(directionShadows, () => world.directions.nameShadow(rng));
}

/** Rules that are served, in shadow and in rollouts, and damage to their files. */
function scheduleRules(storm: Storm, { ruleChanges, ruleShadows, ruleRollouts, ruleDamage }: Variety): void {
  const { world, rng } = storm;
  const { rules } = world;
  storm.often(ruleChanges, () => {
    if (rng.integer(2) === 0) rules.serve(rng);
    else storm.atNextBars(() => rules.serve(rng));
  });
  storm.often(ruleShadows, () => rules.nameShadow(rng));
  storm.often(ruleRollouts, () => rules.changeRollout(rng));
  storm.often(ruleDamage, () => {
    rules.damage(rng);
    if (rng.integer(2) === 0) storm.within(5 * MINUTE_MS, () => rules.serveAll(rng, true));
  });
}

function scheduleDiskFaults(storm: Storm): void {
  const { world, weather, rng } = storm;
  const { disk, journal } = world;
  storm.often(weather.signalDiskFaults, () => {
    const pair = storm.pick('', '', ...world.settings.minutehand.pairs.map((id) => `/${id}`));
    strikeDisk(storm, `${world.signalsFolder}${pair}`, WRITING);
  });
  storm.often(weather.modelDiskFaults, () => {
    strikeDisk(storm, world.modelsFolder, storm.pick<readonly Operation[]>(['read'], WRITING, [...WRITING, 'read']));
    // Disk faults matter most during a write.
    world.trainer.publish();
  });
  storm.often(
    weather.slowDisk,
    storm.spell(
      3 * MINUTE_MS,
      () => (disk.slowness = { ms: 300 ** rng.uniform(), under: storm.pick('/home', world.signalsFolder) }),
      () => (disk.slowness = null),
    ),
  );
  storm.often(
    weather.journalFaults,
    storm.spell(
      4 * MINUTE_MS,
      () => {
        journal.refusal = storm.pick(
          'database or disk is full',
          'disk I/O error',
          'attempt to write a readonly database',
        );
        world.trace(() => `journal: ${journal.refusal}`);
        // Rows that the journal could not write exist only in memory.
        if (weather.powerCuts > 0 && rng.integer(3) === 0) storm.atNextBars(() => world.machine.cutPower());
      },
      () => (journal.refusal = null),
    ),
  );
}

/** Faults of the thread that writes the journal, and of its disk. */
function scheduleJournalThread(storm: Storm): void {
  const { world, weather, rng } = storm;
  const { journal } = world;
  storm.often(
    weather.slowJournal,
    storm.spell(
      4 * MINUTE_MS,
      () => {
        journal.slowMs = 30_000 ** rng.uniform();
        world.trace(() => `journal: transactions take up to ${Math.round(journal.slowMs)} ms`);
      },
      () => (journal.slowMs = 0),
    ),
  );
  storm.often(weather.journalDeaths, () => {
    world.trace(() => 'journal: its thread will die');
    journal.killThread();
  });
}

function strikeDisk(storm: Storm, under: string, operations: readonly Operation[]): void {
  const { world, rng } = storm;
  const { disk } = world;
  const lasting = rng.integer(2) === 0;
  disk.fault({
    code: storm.pick('ENOSPC', 'EIO', 'EACCES', 'EROFS'),
    under,
    operations,
    after: rng.integer(8),
    times: lasting ? 1 + rng.integer(200) : 1 + rng.integer(3),
  });
  world.trace(() => `disk: ${under} will fail`);
  storm.within(5 * MINUTE_MS, () => disk.clearFaults());
}

function scheduleRedisFaults(storm: Storm): void {
  const { world, weather, rng } = storm;
  const { redis } = world;
  storm.often(
    weather.redisEnds,
    storm.spell(
      3 * MINUTE_MS,
      () => {
        world.trace(() => 'redis: shut down');
        redis.shutDown();
      },
      () => redis.start(rng.integer(2) * storm.duration(10_000)),
    ),
  );
  storm.often(
    weather.redisStalls,
    storm.spell(
      6 * MINUTE_MS,
      () => {
        world.trace(() => 'redis: stalls');
        redis.stall();
      },
      () => {
        world.trace(() => 'redis: continues');
        redis.resume();
      },
    ),
  );
  storm.often(
    weather.redisFull,
    storm.spell(
      5 * MINUTE_MS,
      () => (redis.isFull = true),
      () => (redis.isFull = false),
    ),
  );
  storm.often(
    weather.redisSlow,
    storm.spell(
      3 * MINUTE_MS,
      () => (redis.slowMs = 3000 ** rng.uniform()),
      () => (redis.slowMs = 0),
    ),
  );
}

/** Training runs, damaged bundles, halts and shadow sets. */
function scheduleModelEvents(storm: Storm): void {
  const { world, weather, rng } = storm;
  storm.often(weather.swaps, () => {
    if (rng.integer(2) === 0) world.trainer.publish();
    else storm.atNextBars(() => world.trainer.publish());
  });
  // The fallback for failed models is exercised only where there have been several sets.
  storm.often(weather.failingModels > 0 ? RUNS_OF_FAILING_MODELS : 0, () => world.trainer.publish());
  storm.often(weather.trainerKills, () => {
    world.trainer.publish(rng.integer(30));
  });
  storm.often(weather.badModels, () => spoilModels(world));
  storm.often(weather.halts, () => {
    const killAt = rng.integer(4) === 0 ? rng.integer(12) : undefined;
    if (rng.integer(2) === 0) world.trainer.halt(killAt);
    else storm.atNextBars(() => world.trainer.halt(killAt));
    if (rng.integer(2) === 0) return;
    const pairId = storm.pick(ALL_PAIRS, ...world.settings.minutehand.pairs);
    storm.within(10 * MINUTE_MS, () => world.trainer.resume(pairId));
  });
  storm.often(weather.shadows, () => world.trainer.nameShadow());
}

function scheduleSilences(storm: Storm): void {
  const { world, weather, timeline, endMs } = storm;
  storm.often(weather.silences, () => {
    world.closedUntilMs = timeline.nowMs + Math.min(weather.silenceMs, endMs - timeline.nowMs);
    world.trace(() => `market: closed for ${Math.round(weather.silenceMs / 1000)} s`);
  });
}

/** Damages a bundle, as an operator or a failing disk would. The daemon must refuse it and report that. */
function spoilModels(world: World): void {
  const { disk, rng, modelsFolder, trace } = world;
  const halts = haltsPath(modelsFolder);
  const activePath = `${modelsFolder}/active.json`;
  const active = disk.peek(activePath);
  if (active === null) return;
  const version = /"version":"(\w+)"/.exec(active.toString())?.[1] ?? 'none';
  const spoilHalts = (spoil: () => void): void => {
    spoil();
    world.trainer.forgetHalts();
  };
  const kinds: readonly [string, () => void][] = [
    [
      'a byte of a model is wrong',
      () => {
        const path = `${modelsFolder}/${version}/ai${1 + rng.integer(3)}.onnx`;
        const bytes = disk.peek(path);
        if (bytes === null || bytes.length === 0) return;
        const at = rng.integer(bytes.length);
        bytes[at] = bytes[at]! ^ (1 << rng.integer(8));
        disk.write(path, bytes);
      },
    ],
    ['a model is missing', () => disk.remove(`${modelsFolder}/${version}/ai2.onnx`)],
    ['the manifest is cut off', () => disk.tear(`${modelsFolder}/${version}/manifest.json`, '{"format":"minutehand')],
    ['active.json is torn', () => disk.tear(activePath, active)],
    ['active.json is gone', () => disk.remove(activePath)],
    ['halts.json is torn', () => spoilHalts(() => disk.tear(halts, disk.peek(halts) ?? '{"halts":[],"resumed":[]}'))],
    ['halts.json is gone', () => spoilHalts(() => disk.remove(halts))],
    ['active.json names nothing', () => disk.write(activePath, '{"version":"20200101_0000","previous":null}\n')],
  ];
  const [words, spoil] = kinds[rng.integer(kinds.length)]!;
  trace(() => `models: ${words}`);
  world.needsNewModels = true;
  world.trainer.forgetActivated();
  try {
    spoil();
  } catch (error) {
    trace(() => `models: ${String(error)}`);
  }
}
