import type { Redis } from 'ioredis';
import { idAfter } from './stream_ids.ts';

/**
 * Anyone who may write to a stream of Redis may write entries of any size and with any id. A reply beyond
 * `REPLY_BYTES_MAX` ends the connection before it is parsed; then the sizes of the next entries are asked for first,
 * one by one, and one beyond `ENTRY_BYTES_MAX` is passed over.
 */

/** Far more than an entry of all symbols' minutes, or a fill, has. */
export const ENTRY_BYTES_MAX = 1 << 20;
/** Of one reply: as many bytes are held at once. */
export const REPLY_BYTES_MAX = 16 << 20;
/** Entries whose sizes are asked for before the next are read. */
const LOOKED_AT = 20;
/** Milliseconds that no clock gives: a stream with such an id takes no entry, or few, of its own numbering. */
const MS_MAX = 2n ** 53n;

/**
 * Id and bytes of the first entry from `ARGV[1]` to `ARGV[2]`: nothing of its content leaves Redis. One entry at a
 * time, since Redis copies it to measure it, and answers nobody meanwhile: eight of 40 MB took it ten seconds.
 */
const SIZE = `
local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', 1)[1]
if not entry then return false end
local bytes = 0
for _, field in ipairs(entry[2]) do bytes = bytes + #field end
return {entry[1], bytes}`;

export interface EntrySize {
  readonly id: string;
  readonly bytes: number;
}

/** What can be read after a position without holding more than REPLY_BYTES_MAX. */
export interface NextEntries {
  /** The next entry, where it is beyond the limit: to be passed over. */
  readonly oversized: EntrySize | null;
  /** Entries that may be read at once; 0 = the next is oversized, or there is none. */
  readonly count: number;
  /** Whether those that were looked at are all that follow, or as many as are looked at, and none is beyond a limit. */
  readonly isSound: boolean;
}

/** Looks at the entries after an id. Needs the right `+eval`. @throws the server's refusal */
export async function nextEntries(redis: Redis, stream: string, after: string): Promise<NextEntries> {
  let count = 0;
  let total = 0;
  let from = idAfter(after);
  for (; count < LOOKED_AT && from !== null; count++) {
    const next = await sizeOf(redis, stream, from);
    if (next === null) break;
    total += next.bytes;
    if (next.bytes > ENTRY_BYTES_MAX) return { oversized: count === 0 ? next : null, count, isSound: false };
    if (total > REPLY_BYTES_MAX) return { oversized: null, count, isSound: false };
    from = idAfter(next.id);
  }
  return { oversized: null, count, isSound: true };
}

/** Size of the first entry from this id on, up to another id; null where there is none. @throws the server's refusal */
export async function sizeOf(redis: Redis, stream: string, from: string, to = '+'): Promise<EntrySize | null> {
  const found = (await redis.eval(SIZE, 1, stream, from, to)) as [id: string, bytes: number] | null;
  return found === null ? null : { id: found[0], bytes: found[1] };
}

/** Why nothing can be added to a stream whose newest id is this one; null when it can. */
export function exhaustion(stream: string, lastId: string): string | null {
  if (BigInt(lastId.slice(0, lastId.indexOf('-'))) < MS_MAX) return null;
  return `the newest id of ${stream} is ${lastId}, which no clock gives: nothing can be added after it. With the rights +xrevrange +xdel +xsetid +xgroup this is mended once all groups that are in use have read it; else DEL ${stream}`;
}

/** A group whose consumers have all asked for nothing for so long is nobody's any more. */
const ABANDONED_MS = 7 * 86_400_000;

/**
 * Removes the entries from ARGV[2] on, and lets the stream and its groups go on after the newest of the others. Does
 * nothing unless the newest id is still ARGV[1], and every group was given it: what has not been read stays. A group
 * without consumers, or whose consumers have been idle for ARGV[3] ms, is waited for no longer; it keeps its place
 * among the entries that stay.
 */
const MEND = `
local function valueOf(reply, name)
  for i = 1, #reply, 2 do if reply[i] == name then return reply[i + 1] end end
end
if valueOf(redis.call('XINFO', 'STREAM', KEYS[1]), 'last-generated-id') ~= ARGV[1] then return false end
local groups = redis.call('XINFO', 'GROUPS', KEYS[1])
local abandoned = {}
for _, group in ipairs(groups) do
  local name = valueOf(group, 'name')
  if valueOf(group, 'last-delivered-id') ~= ARGV[1] then
    for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], name)) do
      if valueOf(consumer, 'idle') < tonumber(ARGV[3]) then return false end
    end
    abandoned[name] = true
  end
end
local beyond = {}
for _, group in ipairs(groups) do
  local ms = string.match(valueOf(group, 'last-delivered-id'), '^%d+')
  local limit = string.match(ARGV[2], '^%d+')
  beyond[valueOf(group, 'name')] = #ms > #limit or (#ms == #limit and ms >= limit)
end
local removed = 0
while true do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', 1)[1]
  if not entry then break end
  removed = removed + redis.call('XDEL', KEYS[1], entry[1])
end
local kept = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = kept and kept[1] or '0-1'
redis.call('XSETID', KEYS[1], last)
for _, group in ipairs(groups) do
  local name = valueOf(group, 'name')
  if beyond[name] or not abandoned[name] then redis.call('XGROUP', 'SETID', KEYS[1], name, last) end
end
return {last, removed}`;

export interface MendedStream {
  /** Newest id of the stream now; `0-1` when no entry is left. */
  readonly lastId: string;
  readonly removed: number;
}

/**
 * Mends a stream to which nothing can be added after `lastId`, and of which everything has been read: entries with ids
 * that no clock gives are removed.
 * @param abandonedMs idle time after which a group counts as abandoned
 * @returns null when Redis refuses that, something was added meanwhile, or a group has not read all
 */
export async function mendStream(
  redis: Redis,
  stream: string,
  lastId: string,
  abandonedMs = ABANDONED_MS,
): Promise<MendedStream | null> {
  try {
    const answer = (await redis.eval(MEND, 1, stream, lastId, `${MS_MAX}-0`, abandonedMs)) as [string, number] | null;
    return answer === null ? null : { lastId: answer[0], removed: answer[1] };
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return null;
    throw error;
  }
}
