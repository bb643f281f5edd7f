import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readActive } from '../shared/bundle/bundle.ts';
import { openStore } from '../trainer/store/store.ts';
import { createWorkplace, type Workplace } from './cli_process.ts';
import { tinyVersions } from './tiny_models.ts';

const A = '20240101_1200';
const B = '20240102_1200';

let place: Workplace;
beforeAll(async () => {
  place = createWorkplace();
  await tinyVersions(place.models, 2);
});
afterAll(() => place.remove());

const UNREACHABLE = { MINUTEHAND_DATABASE_URL: 'postgres://u@127.0.0.1:1/d' };
async function json(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, stdout, stderr } = await place.call([...args, '--json'], { env });
  return { code, stderr, document: JSON.parse(stdout) as Record<string, unknown> };
}
async function statuses(): Promise<Record<string, string>> {
  const store = await openStore(join(place.home, 'trainer.db'));
  const rows = await store.db.selectFrom('core.model_registry').select(['version', 'status']).execute();
  await store.close();
  return Object.fromEntries(rows.map(({ version, status }) => [version, status]));
}

describe('the commands of models and the registry', () => {
  it('promote and rollback notify it of the active bundle', async () => {
    expect(await json(['models', 'promote', A])).toMatchObject({ code: 0, document: { version: A, previous: null } });
    expect(await statuses()).toEqual({ [A]: 'active' });
    await json(['models', 'promote', B]);
    expect(await statuses()).toEqual({ [A]: 'archived', [B]: 'active' });
    expect(await json(['models', 'rollback'])).toMatchObject({ code: 0, document: { version: A, previous: B } });
    expect(await statuses()).toEqual({ [A]: 'active', [B]: 'archived' });
  });

  it('work without it, report that, and update it later', async () => {
    const back = await json(['models', 'rollback'], UNREACHABLE);
    expect(back).toMatchObject({ code: 0, document: { version: B, previous: A } });
    expect(back.stderr).toContain('The registry is not updated yet (STORE_UNUSABLE');
    expect(readActive(place.models)).toEqual({ version: B, previous: A });
    expect(await statuses()).toEqual({ [A]: 'active', [B]: 'archived' });
    await json(['models', 'promote', B]);
    expect(await statuses()).toEqual({ [A]: 'archived', [B]: 'active' });
  });

  it('recover restores a lost folder, and single bundles', async () => {
    const card = readFileSync(join(place.models, B, 'CARD.md'), 'utf8');
    rmSync(place.models, { recursive: true });
    expect(await json(['models', 'recover'])).toMatchObject({
      code: 0,
      document: { recovered: [A, B], intact: [], failed: [], activated: B },
    });
    expect(readActive(place.models)).toEqual({ version: B, previous: A });
    expect(readFileSync(join(place.models, B, 'CARD.md'), 'utf8')).toBe(card);
    expect((await json(['models', 'verify', B])).code).toBe(0);

    writeFileSync(join(place.models, B, 'ai1.onnx'), 'damaged');
    rmSync(join(place.models, A), { recursive: true });
    const one = await place.call(['models', 'recover', B]);
    expect(one).toMatchObject({ code: 0, stdout: `${B}: restored from the registry (${join(place.models, B)})\n` });
    expect(existsSync(join(place.models, A))).toBe(false);
    expect((await place.call(['models', 'recover'])).stdout).toBe(
      `${A}: restored from the registry (${join(place.models, A)})\n${B}: intact, as registered\n`,
    );
  });

  it('recover fails with a code without a source to recover from', async () => {
    expect(await json(['models', 'recover', '20200101_0000'])).toMatchObject({
      code: 1,
      document: { error: { code: 'MODEL_MISSING' } },
    });
    expect(await json(['models', 'recover'], UNREACHABLE)).toMatchObject({
      code: 1,
      document: { error: { code: 'STORE_UNUSABLE' } },
    });
    const store = await openStore(join(place.home, 'trainer.db'));
    await store.db.deleteFrom('core.model_artifacts').where('version', '=', A).execute();
    await store.close();
    expect(await json(['models', 'recover', A])).toMatchObject({
      code: 1,
      document: { recovered: [], failed: [{ version: A, error: { code: 'MODEL_MISSING' } }] },
    });
  });

  it('recover of several ends with 3 where one of them is lost, with the others', async () => {
    rmSync(join(place.models, B), { recursive: true });
    const part = await json(['models', 'recover']);
    expect(part.document).toMatchObject({ recovered: [B], failed: [{ version: A }] });
    expect(part.stderr).toContain(`${A}: MODEL_MISSING: `);
    expect(part.code).toBe(3);
    expect((await json(['models', 'verify', B])).code).toBe(0);
  });
});
