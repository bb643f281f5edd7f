import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../shared/root.ts';

const FOLDER = join(packageRoot(), '.github', 'workflows');
const SCRIPTS = (
  JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { scripts: Record<string, string> }
).scripts;

interface Step {
  readonly uses?: string;
  readonly run?: string;
}
interface Workflow {
  readonly permissions: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly Step[] }>>;
}

describe.each(readdirSync(FOLDER))('workflow %s', (name) => {
  const text = readFileSync(join(FOLDER, name), 'utf8');
  const workflow = parse(text) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  it('may read the repository and nothing else where a job does not say more, and ends', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    for (const job of jobs) expect(job['timeout-minutes']).toBeGreaterThan(0);
  });

  it('uses actions by their commit, with the version beside it', () => {
    const used = steps.flatMap(({ uses }) => uses ?? []);
    expect(used.length).toBeGreaterThan(0);
    for (const action of used) {
      expect(action).toMatch(/^[\w.-]+\/[\w.-]+@[0-9a-f]{40}$/);
      expect(text).toMatch(new RegExp(`${action} # v\\d+\\.\\d+\\.\\d+`));
    }
  });

  it('runs scripts of this project that exist', () => {
    for (const { run } of steps) {
      const script = /^npm run (\S+)$/.exec(run ?? '')?.[1];
      if (script !== undefined) expect(SCRIPTS).toHaveProperty([script]);
      const file = /^bash (\S+)$/.exec(run ?? '')?.[1];
      if (file !== undefined) expect(existsSync(join(packageRoot(), file))).toBe(true);
    }
  });

  it('has no secret in a command line', () => {
    for (const { run = '' } of steps) expect(run).not.toMatch(/\$\{\{/);
  });
});
