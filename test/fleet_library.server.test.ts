import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createWorkplace, type Workplace } from './cli_process.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Node finds no package of that name, as where it is not installed. */
const WITHOUT_BULLMQ = `import { registerHooks } from 'node:module';
registerHooks({ resolve: (name, context, next) => next(name === 'bullmq' ? 'bullmq-is-absent' : name, context) });`;

let place: Workplace;
beforeAll(() => {
  place = createWorkplace();
});
afterAll(() => place.remove());

it('the command that installs BullMQ is named where it is not installed', async () => {
  const { code, stdout } = await place.run(['fleet', '--json'], {
    env: {
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(WITHOUT_BULLMQ)}`,
      MINUTEHAND_QUEUE: 'bullmq',
      MINUTEHAND_BLOBS: join(place.folder, 'blobs'),
    },
  });
  const { error } = JSON.parse(stdout) as { error: object };
  expect([code, error]).toEqual([
    1,
    {
      code: 'FLEET_LIBRARY',
      message: expect.stringContaining('bullmq') as string,
      next: expect.stringMatching(/`npm install --no-save --save-prod --omit=dev bullmq@\d+\.\d+\.\d+`/) as string,
    },
  ]);
});
