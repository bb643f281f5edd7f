import { MinutehandError } from '../errors.ts';

const FALLBACK =
  'File and WebSocket continue. Check the Redis server; `minutehand doctor` shows which command it refuses.';

/** Next step of each kind of refusal, by the words of Redis. The first match counts. */
const ADVICE: readonly (readonly [words: RegExp, advice: string])[] = [
  [
    /NOPERM|executing the script can't/,
    'File and WebSocket continue. Give the user of transports.redis.url these rights: +publish +set +xadd +eval +info ~minutehand:* &minutehand:* (ACL SETUSER).',
  ],
  [
    /WRONGTYPE/,
    'File and WebSocket continue. The key minutehand:signals must be a stream: find out what wrote it, then delete it (DEL minutehand:signals).',
  ],
  [/\bOOM\b/, 'File and WebSocket continue. Redis is out of memory: raise maxmemory, or shorten its streams (XTRIM).'],
  [
    /READONLY/,
    'File and WebSocket continue. This Redis is a read-only replica: use the address of its primary. After a failover the connection is made again by itself.',
  ],
  [/MISCONF/, 'File and WebSocket continue. Redis cannot save to its disk: check disk space and the Redis log.'],
];

/** The next step after Redis has refused a signal. @param words the error reply */
export function refusalAdvice(words: string): string {
  return ADVICE.find(([pattern]) => pattern.test(words))?.[1] ?? FALLBACK;
}

/** Of reads; others need the rights that the error names. */
const READ_ADVICE: readonly (readonly [words: RegExp, advice: string])[] = [
  [
    /READONLY|UNBLOCKED/,
    'This Redis is a read-only replica now: use the address of its primary. After a failover the connection is made again by itself.',
  ],
  [/no clock gives/, 'Give the user of transports.redis.url the named rights, or delete the stream (DEL).'],
  [/WRONGTYPE/, 'The key must be a stream: find out what wrote it, then delete it (DEL).'],
  [/\bOOM\b/, 'Redis is out of memory: raise maxmemory, or shorten its streams (XTRIM).'],
  [/LOADING/, 'Redis reads its data from disk: wait for it.'],
];

/** The refusal to read a stream, with the next step. @param words the error reply */
export function streamRefused(words: string): MinutehandError {
  const next = READ_ADVICE.find(([pattern]) => pattern.test(words))?.[1];
  return new MinutehandError('STREAM_REFUSED', { seen: words, ...(next !== undefined && { next }) });
}
