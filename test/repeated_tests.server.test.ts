import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-steps-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'vitest.config.mjs'), 'export default { test: { include: ["*.test.js"] } };\n');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a test file; `isGood` is an expression of JavaScript. */
function writeTest(name: string, isGood: string): void {
  const text = `import { existsSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
it('holds', () => {
  expect(${isGood}, 'the message of ${name}').toBe(true);
});
it('always holds', () => undefined);
`;
  writeFileSync(join(folder, `${name}.test.js`), text);
}

/** True from the second time on. */
const onSecondTime = (name: string): string => {
  const marker = JSON.stringify(join(folder, `${name}.marker`));
  return `existsSync(${marker}) || (writeFileSync(${marker}, ''), false)`;
};

function runSteps(rules = '{}'): { code: number | null; last: string; errors: string } {
  const program = `
    import { conclude, repeatFailedAlone, testsHold } from ${JSON.stringify(join(ROOT, 'bin', 'steps.mjs'))};
    await testsHold('tests', [], { root: ${JSON.stringify(folder)} });
    await repeatFailedAlone();
    process.exitCode = conclude({ refusesSkip: (reason) => reason === 'installable', ...${rules} });
  `;
  const environment = { ...process.env };
  for (const name of Object.keys(environment)) if (name.startsWith('VITEST')) delete environment[name];
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: environment,
  });
  return { code: run.status, last: run.stdout.trimEnd().split('\n').at(-1)!, errors: run.stderr };
}

it('counts a test that fails beside others and passes alone as passed, and names it as flaky with its message', () => {
  writeTest('steady', 'true');
  writeTest('shaky', onSecondTime('shaky'));
  const { code, last, errors } = runSteps();
  expect(last).toBe('4 passed, 0 failed, 1 flaky');
  expect(code).toBe(0);
  expect(errors).toMatch(/flaky: .*passed alone:\n {2}shaky\.test\.js: holds\n {6}.*the message of shaky/);
  expect(errors).not.toMatch(/failed tests:/);
});

it('fails for a test that also fails alone, and names it in the last lines', () => {
  writeTest('steady', 'true');
  writeTest('wrong', 'false');
  const { code, last, errors } = runSteps();
  expect(last).toBe('3 passed, 1 failed');
  expect(code).toBe(1);
  expect(errors).toMatch(/failed tests:\n {2}wrong\.test\.js: holds\n {6}.*the message of wrong/);
  expect(errors).not.toMatch(/passed alone/);
});

it('counts each test by itself when one passes alone and another does not', () => {
  writeTest('shaky', onSecondTime('shaky'));
  writeTest('wrong', 'false');
  const { code, last, errors } = runSteps();
  expect(last).toBe('3 passed, 1 failed, 1 flaky');
  expect(code).toBe(1);
  expect(errors).toMatch(/flaky: .*passed alone:\n {2}shaky\.test\.js: holds\n/);
  expect(errors).toMatch(/failed tests:\n {2}wrong\.test\.js: holds\n/);
});

it('counts skipped tests by reason, and fails for a reason that may not be', () => {
  writeTest('steady', 'true');
  const skipped = (reason: string): string => `it.skip('works (skipped: ${reason})', () => undefined);`;
  const text = `import { it } from 'vitest'; ${skipped('Windows')} ${skipped('Windows')}`;
  writeFileSync(join(folder, 'skipping.test.js'), text);
  const { code, last, errors } = runSteps();
  expect([code, last]).toEqual([0, '2 passed, 0 failed, 2 skipped']);
  expect(errors).toMatch(/skipped tests:\n +2 {2}Windows\n/);
  writeFileSync(join(folder, 'skipping.test.js'), `${text} ${skipped('installable')}`);
  const refused = runSteps();
  expect([refused.code, refused.last]).toEqual([1, '2 passed, 1 failed, 3 skipped']);
  expect(refused.errors).toContain('failed: tests skipped: installable');
});

it('repeats nothing when many files fail', () => {
  for (let index = 0; index < 5; index++) writeTest(`shaky${index}`, onSecondTime(`shaky${index}`));
  const { code, last } = runSteps();
  expect(last).toBe('5 passed, 5 failed');
  expect(code).toBe(1);
});

/** A test file whose processes seem to have taken so much. */
function writeTaking(name: string, seconds: number): void {
  const text = `import { afterAll, it } from 'vitest';
afterAll(({}, { file }) => void (file.meta.processorSeconds = ${seconds}));
it('holds', () => undefined);
`;
  writeFileSync(join(folder, `${name}.test.js`), text);
}

it('fails a run of all files for one above its budget of processor time, by name; not one within the margin', () => {
  writeTaking('greedy', 76);
  writeTaking('near', 74);
  const { code, last, errors } = runSteps('{ large: {} }');
  expect([code, last]).toEqual([1, '2 passed, 1 failed']);
  expect(errors).toContain('failed: greedy.test.js took 76 s of processor time, at most 75 s of 150\n');
  // A few files that somebody names have no budget.
  expect(runSteps().code).toBe(0);
});

it('a file may have a larger budget, which grows with what all files take and is not kept for a file that is gone', () => {
  writeTaking('large', 300);
  writeTaking('other', 60);
  const large = (share: number): string => `{ large: { 'large.test.js': { budgetShare: ${share}, reason: '' } } }`;
  expect(runSteps(large(0.7)).code).toBe(0);
  expect(runSteps(large(0.6)).errors).toContain(
    'failed: large.test.js took 300 s of processor time, at most 270 s of 360',
  );
  rmSync(join(folder, 'large.test.js'));
  const { code, errors } = runSteps(large(0.7));
  expect(code).toBe(1);
  expect(errors).toContain('failed: large.test.js has a budget of its own, and did not run\n');
});
