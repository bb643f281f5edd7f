import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { StrategyCommands } from '../cli/strategies/strategy_commands.ts';
import type { admit as Admit } from '../shared/bundle/admission/admission.ts';
import type {
  activateAdmitted as ActivateAdmitted,
  endRule as EndRule,
} from '../shared/bundle/admission/activation.ts';
import type { BundleShelf } from '../shared/bundle/shelves/bundle_shelf.ts';
import { readAddress } from '../shared/address.ts';
import { homePaths } from '../shared/home.ts';
import { createRng } from '../shared/rng.ts';
import type { InstrumentBody } from '../shared/signal/instrument_signal.ts';
import type { verifyAnySignal as VerifyAnySignal } from '../shared/signal/verify_instrument.ts';
import { openJournal } from '../shared/store/journal.ts';
import type { entryStates as EntryStates } from '../shared/core/rule/conditions.ts';
import {
  FLAT_POSITION,
  type InstrumentPosition,
  type InstrumentStep,
} from '../shared/strategies/instrument_position.ts';
import type { removeOldBundles as RemoveOldBundles } from '../trainer/control/records/old_bundles.ts';
import type { StrategyTraining } from '../trainer/jobs/strategies/strategy_training.ts';
import { createWorkplace, eventually, type Running, type Workplace } from './cli_process.ts';
import { GuidedTree } from './followed_guide.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly stepDip: (position: object, bar: object, id: string, time: number) => InstrumentStep<string>;
  readonly entryStates: typeof EntryStates;
  readonly DIP_RULE: never;
  readonly shelfOfFolder: (folder: string) => BundleShelf;
  readonly trainingOfRun: (kind: string) => StrategyTraining;
  readonly commandsOfStrategy: (strategy: string) => StrategyCommands;
  readonly readAnswer: (text: string) => unknown;
  readonly jobSchema: { parse(document: unknown): object };
  readonly runDipJob: (job: object, ...rest: readonly unknown[]) => Promise<string>;
  readonly admit: typeof Admit;
  readonly verifyAnySignal: typeof VerifyAnySignal;
  readonly activateAdmitted: typeof ActivateAdmitted;
  readonly endRule: typeof EndRule;
  readonly removeOldBundles: typeof RemoveOldBundles;
}

const EXPORTS = [
  "export { DIP_RULE, stepDip } from './shared/strategies/dip/dip_rule.ts';",
  "export { entryStates } from './shared/core/rule/conditions.ts';",
  "export { shelfOfFolder } from './shared/bundle/shelves/registry.ts';",
  "export { admit } from './shared/bundle/admission/admission.ts';",
  "export { trainingOfRun } from './trainer/jobs/strategies/registry.ts';",
  "export { readAnswer } from './trainer/jobs/records/job_answer.ts';",
  "export { jobSchema } from './trainer/jobs/kinds/registry.ts';",
  "export { runDipJob } from './trainer/jobs/kinds/dip_job.ts';",
  "export { activateAdmitted, endRule } from './shared/bundle/admission/activation.ts';",
  "export { removeOldBundles } from './trainer/control/records/old_bundles.ts';",
  "export { verifyAnySignal } from './shared/signal/verify_instrument.ts';",
  "export { commandsOfStrategy } from './cli/strategies/registry.ts';",
];

describe('the guide to a strategy', () => {
  const tree = new GuidedTree();
  const place = createWorkplace();
  let files: string[];
  let program: Program;
  beforeAll(async () => {
    files = tree.follow('WRITE_A_STRATEGY.md');
    program = (await tree.load(EXPORTS)) as unknown as Program;
  });
  afterAll(async () => {
    tree.remove();
    await place.remove();
  });

  it('makes a file of its name in each layer, and adds it to the list of each', () => {
    expect(files).toEqual([
      '+shared/strategies/dip/dip_rule.ts',
      'shared/strategies/registry.ts',
      '+shared/bundle/dip/dip_bundle.ts',
      '+shared/bundle/shelves/dip_shelf.ts',
      'shared/bundle/shelves/shelves.ts',
      '+trainer/jobs/kinds/dip_job.ts',
      'trainer/jobs/kinds/strategy_jobs.ts',
      '+trainer/jobs/strategies/dip/training.ts',
      'trainer/jobs/strategies/trainings.ts',
      '+cli/strategies/dip/commands.ts',
      'cli/strategies/commands.ts',
    ]);
  });

  it(`makes a strategy that compiles`, async () => {
    expect(await tree.typeCheck()).toBe('');
  });

  it('makes a rule that decides and is explained', () => {
    const bar = { close: 97, change: -0.04, dip: -0.03, hasEdge: true, stop: null, news: null };
    const { position: open, ...entered } = program.stepDip(FLAT_POSITION, bar, 'id', 60);
    expect(entered).toEqual({ action: 'ENTER', reason: 'ENTRY' });
    expect(open).toMatchObject({ side: 1, entryClose: 97, ageBars: 0, positionId: 'id', entryTime: 60 });
    const decided = (before: InstrumentPosition, changes: object): readonly unknown[] => {
      const { action, reason, position } = program.stepDip(before, { ...bar, ...changes }, 'later', 120);
      return [action, reason, position.side, position.ageBars];
    };
    expect(decided(FLAT_POSITION, { change: NaN })).toEqual(['HOLD', 'NO_DIP', 0, 0]);
    expect(decided(FLAT_POSITION, { hasEdge: false })).toEqual(['HOLD', 'NO_EDGE', 0, 0]);
    expect(decided({ ...open, ageBars: 23 }, {})).toEqual(['EXIT', 'AGE_EXIT', 0, 0]);
    expect(decided(open, { change: 0.01 })).toEqual(['EXIT', 'RECOVERED', 0, 0]);
    expect(decided(open, {})).toEqual(['HOLD', 'IN_POSITION', 1, 1]);
    const question = { ...bar, ageBars: 0, change: -0.02 };
    const states = program.entryStates(program.DIP_RULE, 0, question as never);
    expect(states.find(({ holds }) => !holds)).toMatchObject({ name: 'dip', value: -0.02, limit: -0.03 });
  });

  it('makes a training that is begun as any other, and bundles that are listed and shown, and served when a person says so', async () => {
    const { settings, home } = place;
    const bars = tinyBars(settings, 2400);
    const folder = await place.writeBars('m1', bars);
    const [symbol] = [...bars.keys()];
    const own = { ...settings, minutehand: { ...settings.minutehand, instruments: [symbol!] } };
    const trigger = { code: 'first_models', values: {} } as const;
    const planned = program.trainingOfRun('dip').jobOf({ kind: 'dip' as 'full', trigger, parameters: {} }, own, 1);
    const job = program.jobSchema.parse({ ...planned, source: { folder } });
    const models = join(home, 'models');
    const made = await program.runDipJob(job, own, { models }, () => undefined);

    expect(program.shelfOfFolder(made)).toMatchObject({ name: 'dip', strategy: 'dip' });
    const said: string[] = [];
    const output = { line: (text: string) => said.push(text), result: () => undefined };
    const commands = program.commandsOfStrategy('dip');
    commands.list(models, output as never);
    commands.show(made, output as never);
    expect(said.join('\n')).toMatch(
      new RegExp(`${basename(made)} dip -0\\.\\d{4}\\ndip ${basename(made)}: buys below`),
    );
    const everyDoor = {
      settings: own,
      paths: { models, home },
      registered: async () => undefined,
      promotionFence: async () => 1,
    } as never;
    for (const door of ['promotion', 'rollout', 'rollback'] as const)
      await expect(program.admit(everyDoor, { door, folder: made })).rejects.toMatchObject({ code: 'MODEL_GATES' });
    const shadow = await program.admit(everyDoor, { door: 'shadow', folder: made });
    expect(shadow).toMatchObject({ version: basename(made), rule: symbol });

    // What is in use stays.
    const override = { reason: 'the guide', by: 'a person' };
    const admitted = await program.admit(everyDoor, { door: 'promotion', folder: made, override });
    program.activateAdmitted(admitted, { models, home });
    const shelf = program.shelfOfFolder(made);
    expect(program.removeOldBundles(shelf, models, 0)).toEqual([]);
    expect(program.endRule(symbol!, { models, home })).toBe(basename(made));
    expect(program.removeOldBundles(shelf, models, 0)).toEqual([basename(made)]);
  });

  describe('and a daemon', () => {
    const MINUTES = 4600;
    /** Minutes after which features and the change over a day are warm. */
    const PROMOTED = 1500;
    const FROM = 1_600_000_020;
    const ID = 'BTCUSDT';
    let own: Workplace;
    afterAll(() => own.remove());

    /** Falls and recovers within hours: six and a half times a day, so that the change over a day does so, too. */
    const minutes = (() => {
      const rng = createRng('dips');
      let close = 20_000;
      return Array.from({ length: MINUTES }, (_, t) => {
        const open = close;
        close = 20_000 * Math.exp(0.04 * Math.sin((13 * Math.PI * t) / 1440) + 0.0004 * rng.normal());
        const high = Math.max(open, close) * 1.0001;
        return { time: FROM + 60 * t, open, high, low: Math.min(open, close) * 0.9999, close, volume: 60 };
      });
    })();

    it('serves them over kill -9; replay gives the same bytes, and each signal is explained', async () => {
      own = createWorkplace(
        {
          minutehand: { market: 'live', instruments: [ID], feed: { interval_ms: 600_000 }, screen: { enabled: false } },
        },
        await tree.buildProgram(),
      );
      const ran = async (...args: string[]): Promise<Record<string, unknown>> => {
        const { code, stdout, stderr } = await own.run([...args, '--json']);
        expect(code, `${args.join(' ')}: ${stderr}${stdout}`).toBe(0);
        return JSON.parse(stdout) as Record<string, unknown>;
      };
      const rows = minutes.map((bar) => [bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume].join());
      writeFileSync(join(own.folder, `${ID}.csv`), `time,open,high,low,close,volume\n${rows.join('\n')}\n`);
      const job = {
        kind: 'dip',
        market: 'live',
        instrument: ID,
        source: { folder: own.folder },
        share: 0.05,
        trigger: { code: 'first_models', values: {} },
      };
      writeFileSync(join(own.folder, 'job.json'), JSON.stringify(job));
      const answer = await ran('job', 'run', 'job.json');
      const { version } = answer;
      // As the trainer reads it, whose run would fail otherwise.
      expect(program.readAnswer(JSON.stringify(answer))).toMatchObject({ version, adopted: false, gates: [] });

      const first = await startDaemon();
      await send(first.url, 0, PROMOTED);
      await ran('models', 'promote', String(version), '--despite-gates', '--reason', 'the guide');
      await eventually(
        () => `the rule: ${first.process.stderr()}`,
        async () => {
          const health = (await (await fetch(`${first.url}/healthz`)).json()) as { direction: { rules?: object } };
          return JSON.stringify(health.direction.rules) === JSON.stringify({ [ID]: version }) || null;
        },
      );
      await send(first.url, PROMOTED, 3000);
      expect(await lastSignalOf(3000)).toMatchObject({ model_version: `rule/${String(version)}`, mode: 'OK' });
      first.process.kill('SIGKILL');
      await first.process.ended;
      const second = await startDaemon();
      await send(second.url, 3000, MINUTES);
      const text = await lastSignalOf(MINUTES);
      expect(program.verifyAnySignal(JSON.stringify(text))).toMatchObject({ pair_id: ID });
      second.process.kill('SIGTERM');
      await second.process.ended;

      const journal = openJournal(join(own.home, 'live_main.db'), { readOnly: true });
      const bodies = [...journal.signals()].map(({ body }) => JSON.parse(`${body}}`) as InstrumentBody);
      journal.close();
      const answered = bodies.filter(({ model_version }) => model_version !== '');
      const reasons = [...new Set<string>(answered.map(({ reason }) => reason))].sort();
      expect(reasons).toEqual(expect.arrayContaining(['AGE_EXIT', 'ENTRY', 'IN_POSITION', 'NO_DIP']));
      const entered = answered.filter(({ action }) => action === 'ENTER');
      expect(entered.length).toBeGreaterThan(5);
      const { signals, equal, enters } = await ran('replay', '--journal', join(own.home, 'live_main.db'));
      expect([equal, enters]).toEqual([signals, entered.length]);

      const [entry] = entered;
      const explained = await ran('explain', ID, entry!.timestamp);
      expect(explained).toMatchObject({ reproduced: { equal: true }, rule: { version, name: 'dip' } });
      expect((explained['conditions'] as { name: string; holds: boolean }[]).map(({ name }) => name)).toContain('dip');
      // Past bars, by the bundle that is named, which need not be served.
      const folder = join(own.home, 'models', 'dip', String(version));
      const replayed = await ran('replay', '--data', own.folder, '--models', folder);
      expect(replayed).toMatchObject({ pairs: [ID], rule_versions: { [ID]: version } });
      expect(replayed['enters']).toBeGreaterThan(5);
      // Its own schedule's job, begun by a command, makes the next one: in shadow, then in a rollout.
      const next = String((await ran('train', '--strategy', 'dip', '--data', own.folder))['version']);
      expect(next).not.toBe(version);
      expect(await ran('models', 'shadow', next)).toMatchObject({ version: next });
      expect(await ran('models', 'shadow')).toMatchObject({ rule: { [ID]: next } });
      await ran('models', 'shadow', 'off', '--rule', ID);
      const override = ['--despite-gates', '--reason', 'the guide'];
      expect(await ran('rollout', 'start', next, ...override)).toMatchObject({ challenger: next, champion: version });
      expect(await ran('rollout', 'status')).toMatchObject({ facts: { labels: 0 } });
      expect(await ran('rollout', 'abort', 'seen enough')).toMatchObject({ status: 'aborted' });
      rmSync(join(own.home, 'models', 'dip', next), { recursive: true });
      const refused = async (...args: string[]): Promise<unknown> => {
        const { code, stdout } = await own.run([...args, '--json']);
        return [code, (JSON.parse(stdout) as { error: { code: string } }).error.code];
      };
      expect(await refused('check', 'features', '--model', String(version))).toEqual([2, 'USAGE']);
      expect(await refused('backtest', '--models', folder, '--data', own.folder)).toEqual([2, 'USAGE']);
      expect(await refused('train', '--strategy', 'dip', '--trials', '4')).toEqual([2, 'USAGE']);
      // An override is reported until another bundle replaces it.
      const checked = await own.run(['check', 'models', '--json']);
      expect([checked.code, JSON.parse(checked.stdout)]).toMatchObject([
        1,
        {
          bundles: [{ strategy: 'dip', version, role: 'active', ok: true }],
          problems: [{ slot: `rule ${ID}`, version, isStated: true }],
        },
      ]);
    });

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

    async function send(url: string, from: number, to: number): Promise<void> {
      const bars = minutes.slice(from, to).map((bar) => ({ symbol: ID, ...bar, time: bar.time * 1000, trades: 1 }));
      for (let at = 0; at < bars.length; at += 500) {
        const response = await fetch(`${url}/bars`, { method: 'POST', body: JSON.stringify(bars.slice(at, at + 500)) });
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
});

/** What the example over a pair has otherwise: no rule of an instrument, and so nothing that a daemon serves. */
const OVER_PAIRS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  'shared/bundle/dip/dip_bundle.ts': [
    ['instrument: z.string().regex(INSTRUMENT_ID),', 'pair: z.string(),'],
    ['    manifest,\n    modelsHash', '    manifest: { ...manifest, instrument: manifest.pair },\n    modelsHash'],
  ],
  'shared/bundle/shelves/dip_shelf.ts': [
    ['  openRule: openDip,\n', ''],
    ['({ instruments }) => (instruments.length', '({ pairs }) => (pairs.length'],
  ],
  'trainer/jobs/kinds/dip_job.ts': [
    ["instrument: z.string().min(1).describe('An instrument with bars of a minute')", 'pair: z.string()'],
    ['{ market, instrument, source, share }', '{ market, pair, source, share }'],
    ['parseInstrument(instrument).a', 'parsePair(pair).a'],
    ['import { parseInstrument }', 'import { parsePair }'],
    ['      instrument,\n', '      pair,\n'],
    ['ruleFeatureSchema(instrument)', "''"],
  ],
  'trainer/jobs/strategies/dip/training.ts': [
    ['minutehand.instruments.length', 'minutehand.pairs.length'],
    ['{ market, instruments }', '{ market, pairs }'],
    ['instrument: instruments[0]!', 'pair: pairs[0]!'],
  ],
  'cli/strategies/dip/commands.ts': [["subjects: 'instruments'", "subjects: 'pairs'"]],
};

it('a strategy over pairs is trained, listed and checked, and each door says that no daemon serves it', async () => {
  const tree = new GuidedTree();
  let place: Workplace | null = null;
  try {
    tree.follow('WRITE_A_STRATEGY.md');
    for (const [file, changes] of Object.entries(OVER_PAIRS)) {
      let text = readFileSync(join(tree.folder, file), 'utf8');
      for (const [before, after] of changes) {
        expect(text).toContain(before);
        text = text.replaceAll(before, after);
      }
      tree.write(file, text);
    }
    place = createWorkplace({}, await tree.buildProgram());
    const own = place;
    const called = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await own.run([...args, '--json']);
      expect(stdout, `${args.join(' ')}: ${stderr}`).not.toBe('');
      const { error, ...answer } = JSON.parse(stdout) as { error?: { code: string } };
      return { code, ...(error && { error: error.code }), ...answer };
    };
    await own.writeBars('m1', tinyBars(own.settings, 4000));
    const trained = await called('train', '--strategy', 'dip', '--data', 'm1');
    expect(trained).toMatchObject({ code: 0, adopted: false });
    const version = String(trained['version']);
    expect(await called('models', 'list')).toMatchObject({ code: 0, dip_bundles: [{ version }] });
    expect(await called('models', 'show', version)).toMatchObject({ code: 0, pair: own.settings.minutehand.pairs[0] });
    expect(await called('models', 'verify', version)).toMatchObject({ code: 0, ok: true });
    const { bundles } = await called('check', 'models');
    expect(bundles).toMatchObject([{ strategy: 'dip', version, role: null, ok: true }]);
    const folder = join(own.models, 'dip', version);
    const override = ['--despite-gates', '--reason', 'the guide'];
    for (const door of [
      ['models', 'promote', version, ...override],
      ['models', 'shadow', version],
      ['rollout', 'start', version, ...override],
      ['replay', '--data', 'm1', '--models', folder],
    ])
      expect(await called(...door), door.join(' ')).toMatchObject({ code: 1, error: 'MODEL_SLOT' });
    for (const absent of [
      ['check', 'features', '--model', version],
      ['backtest', '--data', 'm1', '--models', folder],
      ['backtest', '--strategy', 'dip', '--data', 'm1'],
      ['league', '--strategy', 'dip', '--data', 'm1'],
      ['dataset', 'export', '--role', 'dip', '--out', 'rows.csv'],
    ])
      expect(await called(...absent), absent.join(' ')).toMatchObject({ code: 2, error: 'USAGE' });
  } finally {
    await place?.remove();
    tree.remove();
  }
});
