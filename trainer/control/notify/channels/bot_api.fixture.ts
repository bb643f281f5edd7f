import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** An HTTP server that speaks the part of Telegram's Bot API that is used. */
export interface BotApi {
  readonly url: string;
  readonly token: string;
  /** Messages that were taken, in order. */
  readonly sent: { readonly chat: number; readonly text: string }[];
  /** `offset` of every getUpdates. */
  readonly offsets: number[];
  /** What sendMessage answers next in a chat, instead of taking the message. */
  readonly refusals: Map<number, { status: number; description: string; parameters?: object }[]>;
  /** A person writes. @param ageS how long ago */
  write(chat: number, text: string, ageS?: number): void;
  /** Whether the next getUpdates conflicts with another program. */
  conflicts: number;
  close(): Promise<void>;
}

export async function startBotApi(token = '123456:planted-token-of-the-bot'): Promise<BotApi> {
  const updates: { update_id: number; message: object }[] = [];
  let waiting: (() => void)[] = [];
  let nextId = 1000;
  const server = createServer((request, response) => {
    void (async () => {
      const body = JSON.parse((await text(request)) || '{}') as Record<string, unknown>;
      const reply = (status: number, content: object): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(content));
      const refuse = (status: number, description: string, parameters?: object): void =>
        reply(status, { ok: false, error_code: status, description, parameters });
      const [, bot, method] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? [];
      if (bot !== token) return refuse(401, 'Unauthorized');
      if (method === 'sendMessage') {
        const chat = Number(body['chat_id']);
        const refusal = api.refusals.get(chat)?.shift();
        if (refusal !== undefined) return refuse(refusal.status, refusal.description, refusal.parameters);
        const sent = String(body['text']);
        if (sent.length > 4096) return refuse(400, 'Bad Request: message is too long');
        api.sent.push({ chat, text: sent });
        return reply(200, { ok: true, result: { message_id: api.sent.length } });
      }
      if (method !== 'getUpdates') return refuse(404, 'Not Found');
      if (api.conflicts > 0) {
        api.conflicts -= 1;
        return refuse(409, 'Conflict: terminated by other getUpdates request');
      }
      const offset = Number(body['offset'] ?? 0);
      api.offsets.push(offset);
      while (updates.length > 0 && updates[0]!.update_id < offset) updates.shift();
      if (updates.length === 0)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1000 * Number(body['timeout'] ?? 0));
          waiting.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      return reply(200, { ok: true, result: [...updates] });
    })();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const api: BotApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    sent: [],
    offsets: [],
    refusals: new Map(),
    conflicts: 0,
    write(chat, content, ageS = 0) {
      const from = { id: 7, is_bot: false, username: 'ann' };
      const date = Math.floor(Date.now() / 1000) - ageS;
      updates.push({ update_id: nextId++, message: { message_id: 1, date, chat: { id: chat }, from, text: content } });
      for (const wake of waiting.splice(0)) wake();
      waiting = [];
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return api;
}
