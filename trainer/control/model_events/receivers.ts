import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import type { RedisTransport } from '../../../shared/policy/policy.ts';
import { connectionProblem, redisAddress } from '../../../shared/redis/redis_address.ts';
import { httpUrl } from '../notify/channels/channel_kind.ts';
import { postJson } from '../notify/channels/http_post.ts';
import { signatureOf } from '../notify/channels/webhook.ts';

export const MODELS_STREAM = 'minutehand:models';
const STREAM_LENGTH = 10_000;

/** An event to send; `body` is JSON. */
export interface OutgoingEvent {
  readonly event_id: number;
  readonly kind: string;
  readonly version: string;
  readonly body: string;
}

/** A destination of model events. */
export interface Receiver {
  /** Derived from the address; contains no password. */
  readonly name: string;
  /** @returns null if the event was accepted, otherwise why not. Never rejects. */
  send(event: OutgoingEvent, signal: AbortSignal): Promise<string | null>;
  close(): void;
}

/** Appends to the stream `minutehand:models`: fields `event_id`, `kind`, `version`, `json`. */
export function redisReceiver(transport: Omit<RedisTransport, 'enabled'>): Receiver {
  let redis: Redis | null = null;
  const open = (): Redis => {
    const opened = new Redis({
      ...redisAddress(transport.url, transport.ca_file),
      lazyConnect: true,
      disconnectTimeout: 50,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: transport.connect_timeout_ms,
      commandTimeout: transport.command_timeout_ms,
      retryStrategy: () => null,
      connectionName: 'minutehand-models',
      protocol: 2,
    });
    opened.on('error', () => undefined);
    opened.on('close', () => {
      if (redis === opened) close();
    });
    return opened;
  };
  const close = (): void => {
    redis?.disconnect();
    redis?.stream?.destroy();
    redis = null;
  };
  return {
    name: `redis ${identityOf(transport.url)}`,
    async send({ event_id, kind, version, body }) {
      try {
        const used = redis ?? open();
        if (redis === null) {
          redis = used;
          await used.connect();
        }
        const fields = ['event_id', String(event_id), 'kind', kind, 'version', version, 'json', withId(event_id, body)];
        await used.xadd(MODELS_STREAM, 'MAXLEN', '~', STREAM_LENGTH, '*', ...fields);
        return null;
      } catch (error) {
        close();
        return `Redis: ${connectionProblem(error as Error)}`;
      }
    },
    close,
  };
}

/** Posts one event per request, signed like notifications if there is a secret. */
export function webhookReceiver(url: URL, secret: string | null): Receiver {
  return {
    name: `webhook ${identityOf(url.href)}`,
    async send({ event_id, body }, signal) {
      const timestamp = String(Math.floor(Date.now() / 1000));
      const text = withId(event_id, body);
      const failure = await postJson(url, text, signal, {
        'x-minutehand-timestamp': timestamp,
        'idempotency-key': String(event_id),
        ...(secret === null ? {} : { 'x-minutehand-signature': signatureOf(secret, timestamp, text) }),
      });
      return failure?.reason ?? null;
    },
    close: () => undefined,
  };
}

/** Configured receivers, and problems with their addresses. */
export function openReceivers(
  transport: RedisTransport,
  env: NodeJS.ProcessEnv,
): { readonly receivers: readonly Receiver[]; readonly problem: string | null } {
  const receivers = transport.enabled === 'off' ? [] : [redisReceiver(transport)];
  const address = env['MINUTEHAND_MODELS_WEBHOOK_URL'] ?? '';
  if (address === '') return { receivers, problem: null };
  const url = httpUrl(address);
  if (url === null) return { receivers, problem: 'MINUTEHAND_MODELS_WEBHOOK_URL is not an http:// or https:// URL' };
  const secret = env['MINUTEHAND_WEBHOOK_SECRET'] ?? '';
  return { receivers: [...receivers, webhookReceiver(url, secret === '' ? null : secret)], problem: null };
}

function withId(id: number, body: string): string {
  return `{"event_id":${id},${body.slice(1)}`;
}

function identityOf(address: string): string {
  return createHash('sha256').update(address).digest('hex').slice(0, 16);
}
