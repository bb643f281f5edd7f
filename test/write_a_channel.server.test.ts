import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { openChannels as OpenChannels } from '../trainer/control/notify/channels/open_channels.ts';
import type { AlertMessage } from '../trainer/control/notify/message.ts';
import type { SECRET_VARIABLES as Secrets } from '../shared/secrets.ts';
import type { ERRORS as Errors } from '../shared/errors.ts';
import { GuidedTree } from './followed_guide.ts';
import { tinySettings } from './tiny_models.ts';

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Program {
  readonly openChannels: typeof OpenChannels;
  readonly SECRET_VARIABLES: typeof Secrets;
  readonly ERRORS: typeof Errors;
}

const MESSAGE: AlertMessage = {
  message_id: 1,
  action: 'trigger',
  alert_id: 1,
  key: 'kpi_halt:A_B',
  market: 'live',
  event: 'kpi_halt',
  severity: 'critical',
  subject: 'A_B',
  text: 'It lost.',
  command: 'minutehand status',
  version: null,
  details: {},
  is_once: false,
  opened_ms: 0,
  created_ms: 0,
  acked_by: null,
  resolved_ms: null,
};

describe('the guide to a notification channel', () => {
  const tree = new GuidedTree();
  const taken: { path: string; body: unknown }[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      taken.push({ path: request.url!, body });
      response.end();
    });
  });
  let files: string[];
  beforeAll(async () => {
    files = tree.follow('WRITE_A_CHANNEL.md');
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  });
  afterAll(() => {
    tree.remove();
    server.close();
  });

  it('makes one file, and edits the declaration and the list', () => {
    expect(files).toEqual([
      'shared/notification_channels.ts',
      '+trainer/control/notify/channels/ntfy.ts',
      'trainer/control/notify/channels/registry.ts',
    ]);
  });

  it('makes a channel that compiles, is opened by its variable, sends, and keeps its address secret', async () => {
    expect(await tree.typeCheck()).toBe('');
    const program = (await tree.load([
      "export { openChannels } from './trainer/control/notify/channels/open_channels.ts';",
      "export { SECRET_VARIABLES } from './shared/secrets.ts';",
      "export { ERRORS } from './shared/errors.ts';",
    ])) as unknown as Program;
    const { retrain } = tinySettings();
    const open = (url: string): ReturnType<typeof OpenChannels> =>
      program.openChannels(retrain, { MINUTEHAND_NTFY_URL: url });
    expect(open('ntfy.sh/topic').problems).toEqual([
      { channel: 'ntfy', variable: 'MINUTEHAND_NTFY_URL', text: 'is not an http:// or https:// URL' },
    ]);
    const { port } = server.address() as AddressInfo;
    const [ntfy] = open(`http://127.0.0.1:${port}/gold`).channels;
    expect(await ntfy!.send([MESSAGE], AbortSignal.timeout(60_000))).toBeNull();
    const body = { topic: 'gold', title: '[CRITICAL] Live KPI halt: A_B', priority: 5 };
    expect(taken).toEqual([{ path: '/', body: expect.objectContaining(body) as object }]);
    expect(program.SECRET_VARIABLES).toContain('MINUTEHAND_NTFY_URL');
    expect(program.ERRORS.CHANNELS_MISSING.next).toContain('MINUTEHAND_NTFY_URL');
  });
});
