import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { renderStrategyHalves } from '../cli/docs/strategy_halves.ts';
import type { StrategyCommands } from '../cli/strategies/strategy_commands.ts';
import type { admit as Admit } from '../shared/bundle/admission/admission.ts';
import type { BundleShelf } from '../shared/bundle/shelves/bundle_shelf.ts';
import type { entryStates as EntryStates } from '../shared/core/rule/conditions.ts';
import type { StrategyTraining } from '../trainer/jobs/strategies/strategy_training.ts';
import { createWorkplace } from './cli_process.ts';
import { GuidedTree } from './followed_guide.ts';
import { IS_LONG, LONG_NOTE } from './long.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly STRATEGY_NAMES: readonly string[];
  readonly decideDip: (side: -1 | 0 | 1, question: object) => object;
  readonly entryStates: typeof EntryStates;
  readonly DIP_RULE: never;
  readonly shelfOfFolder: (folder: string) => BundleShelf;
  readonly trainingOfRun: (kind: string) => StrategyTraining;
  readonly commandsOfStrategy: (strategy: string) => StrategyCommands;
  readonly jobSchema: { parse(document: unknown): object };
  readonly runDipJob: (job: object, ...rest: readonly unknown[]) => Promise<string>;
  readonly admit: typeof Admit;
}

const EXPORTS = [
  "export { STRATEGY_NAMES } from './shared/strategies/registry.ts';",
  "export { DIP_RULE, decideDip } from './shared/strategies/dip/dip_rule.ts';",
  "export { entryStates } from './shared/core/rule/conditions.ts';",
  "export { shelfOfFolder } from './shared/bundle/shelves/registry.ts';",
  "export { admit } from './shared/bundle/admission/admission.ts';",
  "export { trainingOfRun } from './trainer/jobs/strategies/registry.ts';",
  "export { jobSchema } from './trainer/jobs/kinds/registry.ts';",
  "export { runDipJob } from './trainer/jobs/kinds/dip_job.ts';",
  "export { commandsOfStrategy } from './cli/strategies/registry.ts';",
];

describe('the guide to a strategy', () => {
  const tree = new GuidedTree();
  const place = createWorkplace();
  let files: string[];
  let program: Program;
  beforeAll(async () => {
    files = tree.follow('WRITE_A_STRATEGY.md');
    // As `npm run docs` does it, by the registry of the copy.
    const { STRATEGY_NAMES } = (await tree.load([EXPORTS[0]!])) as unknown as Program;
    for (const [file, text] of Object.entries(renderStrategyHalves(STRATEGY_NAMES))) tree.write(file, text);
    program = (await tree.load(EXPORTS)) as unknown as Program;
  });
  afterAll(async () => {
    tree.remove();
    await place.remove();
  });

  it('makes a file of its name in each layer, and edits one line', () => {
    expect(files).toEqual([
      '+shared/strategies/dip/dip_rule.ts',
      'shared/strategies/registry.ts',
      '+shared/bundle/shelves/dip_shelf.ts',
      '+trainer/jobs/kinds/dip_job.ts',
      '+trainer/jobs/strategies/dip/training.ts',
      '+cli/strategies/dip/commands.ts',
    ]);
  });

  it.runIf(IS_LONG)(`makes a strategy that compiles${LONG_NOTE}`, async () => {
    expect(await tree.typeCheck()).toBe('');
  });

  it('makes a rule that decides and is explained', () => {
    const question = { change: -0.04, dip: -0.03, hasEdge: true, ageBars: 0, stop: null, news: null };
    const decided = (side: -1 | 0 | 1, changes: object): object => program.decideDip(side, { ...question, ...changes });
    expect(decided(0, {})).toEqual({ action: 'ENTER', reason: 'ENTRY', target: 1 });
    expect(decided(0, { change: NaN })).toEqual({ action: 'HOLD', reason: 'NO_DIP', target: 0 });
    expect(decided(0, { hasEdge: false })).toEqual({ action: 'HOLD', reason: 'NO_EDGE', target: 0 });
    expect(decided(1, { ageBars: 24 })).toEqual({ action: 'EXIT', reason: 'AGE_EXIT', target: 0 });
    expect(decided(1, { change: 0.01 })).toEqual({ action: 'EXIT', reason: 'RECOVERED', target: 0 });
    expect(decided(1, {})).toEqual({ action: 'HOLD', reason: 'IN_POSITION', target: 1 });
    const states = program.entryStates(program.DIP_RULE, 0, { ...question, change: -0.02 } as never);
    expect(states.find(({ holds }) => !holds)).toMatchObject({ name: 'dip', value: -0.02, limit: -0.03 });
  });

  it('makes a training that is begun as any other, and bundles that are listed and shown, and let in by no door', async () => {
    const { settings, home } = place;
    const bars = tinyBars(settings, 1600);
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
    const everyDoor = { settings: own, paths: { models, home }, registered: async () => undefined } as never;
    for (const door of ['promotion', 'shadow', 'rollout', 'rollback'] as const)
      await expect(program.admit(everyDoor, { door, folder: made })).rejects.toMatchObject({ code: 'MODEL_SLOT' });
  });
});
