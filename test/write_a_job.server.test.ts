import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { jobSchema as JobSchema } from '../trainer/jobs/kinds/registry.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { createWorkplace } from './cli_process.ts';
import { GuidedTree } from './followed_guide.ts';
import { tinyBars } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly jobSchema: typeof JobSchema;
  readonly runCountJob: (job: object, settings: Settings, onProgress: () => void) => Promise<Record<string, number>>;
}

describe('the guide to a kind of job', () => {
  const tree = new GuidedTree();
  const place = createWorkplace();
  let files: string[];
  beforeAll(() => {
    files = tree.follow('WRITE_A_JOB.md');
  });
  afterAll(async () => {
    tree.remove();
    await place.remove();
  });

  it('makes one file, and edits the list and the printing', () => {
    expect(files).toEqual([
      '+trainer/jobs/kinds/count_job.ts',
      'trainer/jobs/kinds/registry.ts',
      'cli/commands/job.ts',
    ]);
  });

  it(`makes a kind that compiles`, async () => {
    expect(await tree.typeCheck()).toBe('');
  });

  it('makes a kind that reads its document, and runs', async () => {
    const program = (await tree.load([
      "export { jobSchema } from './trainer/jobs/kinds/registry.ts';",
      "export { runCountJob } from './trainer/jobs/kinds/count_job.ts';",
    ])) as unknown as Program;
    const bars = tinyBars(place.settings, 300);
    const folder = await place.writeBars('m1', bars);
    const document = {
      kind: 'count',
      from: null,
      source: { folder },
      trigger: { code: 'other', values: { text: '' } },
    };
    const job = program.jobSchema.parse(document);
    expect(await program.runCountJob(job, place.settings, () => undefined)).toEqual(
      Object.fromEntries([...bars].map(([symbol, { length }]) => [symbol, length])),
    );
    expect(program.jobSchema.safeParse({ ...document, days: 3 }).success).toBe(false);
  });
});
