import { ALL_PAIRS, haltsPath } from '../shared/bundle/halts.ts';
import { ln } from '../shared/elementary.ts';
import type { Operation } from './disk.ts';
import type { World } from './world.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Training runs an hour where models fail. */
const RUNS_OF_FAILING_MODELS = 8;
const WRITING: readonly Operation[] = ['write', 'rename', 'makeFolder', 'sync'];

/** Lets loose what the weather of a world says, from its beginning until `endMs`. */
export function scheduleStorm(world: World, endMs: number): void {
  const { timeline, rng, disk, journal, redis } = world;
  const { weather } = world;
  const pick = <T>(...choices: readonly T[]): T => choices[rng.integer(choices.length)]!;
  /** Short times are as likely as long ones. */
  const duration = (longestMs: number): number => 1000 * (longestMs / 1000) ** rng.uniform();

  /** An event so many times an hour, at times of no pattern. */
  function often(perHour: number, event: () => void): void {
    if (perHour === 0) return;
    const next = (): void => {
      const timeMs = timeline.nowMs - (HOUR_MS / perHour) * ln(1 - rng.uniform());
      if (timeMs >= endMs) return;
      timeline.at(timeMs, () => {
        event();
        next();
      });
    };
    next();
  }

  /** Something that begins and ends again. */
  function spell(longestMs: number, begin: () => void, end: () => void): () => void {
    return () => {
      begin();
      timeline.at(Math.min(endMs, timeline.nowMs + duration(longestMs)), end);
    };
  }

  /** Strikes when the bars of a minute arrive: that is when a daemon has most to lose. */
  function atNextBars(strike: () => void): void {
    const untilMinuteMs = MINUTE_MS - (world.trueMs() % MINUTE_MS);
    const atMs = timeline.nowMs + untilMinuteMs + rng.uniform() * 1500;
    if (atMs < endMs) timeline.at(atMs, strike);
  }

  // ---- the process and the machine ----

  often(weather.kills, () => {
    const calls = rng.integer(60);
    const strike = (): void => {
      world.trace(() => `daemon: dies at its ${calls}. call from now`);
      world.process?.killAtCall(calls);
    };
    if (rng.integer(4) === 0) world.machine.kill();
    else if (rng.integer(4) === 0) strike();
    else atNextBars(strike);
  });
  often(weather.powerCuts, () => {
    if (rng.integer(2) === 0) world.machine.cutPower();
    else atNextBars(() => world.machine.cutPower());
  });
  often(weather.restarts, () => {
    const stop = (): void => world.machine.stop();
    const kind = rng.integer(4);
    if (kind === 0) stop();
    else if (kind === 1) world.atNextMessage = stop;
    else atNextBars(stop);
  });
  often(weather.clockSteps, () => {
    const stepMs = Math.round((rng.uniform() * 2 - 1) * weather.clockStepMs);
    spell(
      10 * MINUTE_MS,
      () => (world.wallOffsetMs = stepMs),
      () => (world.wallOffsetMs = 0),
    )();
  });
  often(weather.sleeps, () => {
    const sleptMs = HOUR_MS * (2 + 46 * rng.uniform());
    world.trace(() => `machine: sleeps for ${(sleptMs / HOUR_MS).toFixed(1)} h`);
    world.sleptMs += sleptMs;
    timeline.spend(sleptMs);
  });

  // ---- disks ----

  const diskFault = (under: string, operations: readonly Operation[]): void => {
    const lasting = rng.integer(2) === 0;
    disk.fault({
      code: pick('ENOSPC', 'EIO', 'EACCES', 'EROFS'),
      under,
      operations,
      after: rng.integer(8),
      times: lasting ? 1 + rng.integer(200) : 1 + rng.integer(3),
    });
    world.trace(() => `disk: ${under} will fail`);
    timeline.at(Math.min(endMs, timeline.nowMs + duration(5 * MINUTE_MS)), () => disk.clearFaults());
  };
  often(weather.signalDiskFaults, () => {
    const pair = pick('', '', ...world.settings.minutehand.pairs.map((id) => `/${id}`));
    diskFault(`${world.signalsFolder}${pair}`, WRITING);
  });
  often(weather.modelDiskFaults, () => {
    diskFault(world.modelsFolder, pick<readonly Operation[]>(['read'], WRITING, [...WRITING, 'read']));
    // Faults matter most while somebody is at work there.
    world.trainer.publish();
  });
  often(
    weather.slowDisk,
    spell(
      3 * MINUTE_MS,
      () => (disk.slowness = { ms: 300 ** rng.uniform(), under: pick('/home', world.signalsFolder) }),
      () => (disk.slowness = null),
    ),
  );
  often(
    weather.journalFaults,
    spell(
      4 * MINUTE_MS,
      () => {
        journal.refusal = pick('database or disk is full', 'disk I/O error', 'attempt to write a readonly database');
        world.trace(() => `journal: ${journal.refusal}`);
        // What the journal could not write is in memory alone.
        if (weather.powerCuts > 0 && rng.integer(3) === 0) atNextBars(() => world.machine.cutPower());
      },
      () => (journal.refusal = null),
    ),
  );

  // ---- Redis ----

  often(
    weather.redisEnds,
    spell(
      3 * MINUTE_MS,
      () => {
        world.trace(() => 'redis: shut down');
        redis.shutDown();
      },
      () => redis.start(rng.integer(2) * duration(10_000)),
    ),
  );
  often(
    weather.redisStalls,
    spell(
      6 * MINUTE_MS,
      () => {
        world.trace(() => 'redis: stands still');
        redis.stall();
      },
      () => {
        world.trace(() => 'redis: goes on');
        redis.resume();
      },
    ),
  );
  often(
    weather.redisFull,
    spell(
      5 * MINUTE_MS,
      () => (redis.isFull = true),
      () => (redis.isFull = false),
    ),
  );
  often(
    weather.redisSlow,
    spell(
      3 * MINUTE_MS,
      () => (redis.slowMs = 3000 ** rng.uniform()),
      () => (redis.slowMs = 0),
    ),
  );

  // ---- models ----

  often(weather.swaps, () => {
    if (rng.integer(2) === 0) world.trainer.publish();
    else atNextBars(() => world.trainer.publish());
  });
  // What serves in the place of failed models shows only where there were several.
  often(weather.failingModels > 0 ? RUNS_OF_FAILING_MODELS : 0, () => world.trainer.publish());
  often(weather.trainerKills, () => {
    world.trainer.publish(rng.integer(30));
  });
  often(weather.badModels, () => spoilModels(world));
  often(weather.halts, () => {
    const killAt = rng.integer(4) === 0 ? rng.integer(12) : undefined;
    if (rng.integer(2) === 0) world.trainer.halt(killAt);
    else atNextBars(() => world.trainer.halt(killAt));
    if (rng.integer(2) === 0) return;
    const pairId = pick(ALL_PAIRS, ...world.settings.minutehand.pairs);
    timeline.at(Math.min(endMs, timeline.nowMs + duration(10 * MINUTE_MS)), () => world.trainer.resume(pairId));
  });
  often(weather.shadows, () => world.trainer.nameShadow());

  // ---- bars ----

  often(weather.silences, () => {
    world.closedUntilMs = timeline.nowMs + Math.min(weather.silenceMs, endMs - timeline.nowMs);
    world.trace(() => `market: closed for ${Math.round(weather.silenceMs / 1000)} s`);
  });
}

/** What a person or a failing disk does to bundles: the daemon has to refuse them and say so. */
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
