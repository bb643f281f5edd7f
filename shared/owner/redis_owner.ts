import type { Redis } from 'ioredis';
import { isRefusalOfReplica } from '../redis/redis_role.ts';
import type { Owner } from './owner.ts';

export const OWNER_KEY = 'minutehand:owner';

/**
 * Claims the key for an owner, or renews the claim. It reads by SET … GET, which the published access rules allow.
 * ARGV: id, who it is, life in ms. Reply: empty, or who has it.
 */
const CLAIM = `
local mine = ARGV[1] .. ' ' .. ARGV[2]
local before = redis.call('SET', '${OWNER_KEY}', mine, 'GET', 'KEEPTTL')
if before and string.match(before, '^%S+') ~= ARGV[1] then
  redis.call('SET', '${OWNER_KEY}', before, 'KEEPTTL')
  return before
end
redis.call('SET', '${OWNER_KEY}', mine, 'PX', ARGV[3])
return ''`;
/** Ends the claim of exactly this process. SET with the least life is a deletion that the access rules allow. */
const RELEASE = `
local mine = ARGV[1] .. ' ' .. ARGV[2]
local before = redis.call('SET', '${OWNER_KEY}', mine, 'XX', 'GET', 'KEEPTTL')
if before == mine then redis.call('SET', '${OWNER_KEY}', mine, 'PX', 1)
elseif before then redis.call('SET', '${OWNER_KEY}', before, 'KEEPTTL') end
return ''`;

/** An owner whose id is known. */
export type KnownOwner = Owner & { readonly id: string };

export function isKnown(owner: Owner): owner is KnownOwner {
  return owner.id !== null;
}

/**
 * @param lifeMs of the claim, unless it is renewed
 * @returns who else publishes into this Redis; null = this owner may
 * @throws what ended the connection; the refusal of a replica
 */
export async function claimRedis(redis: Redis, { id, where }: KnownOwner, lifeMs: number): Promise<string | null> {
  try {
    const standing = (await redis.eval(CLAIM, 0, id, ownName(where), lifeMs)) as string;
    return standing === '' ? null : standing.slice(standing.indexOf(' ') + 1);
  } catch (error) {
    const { name, message } = error as Error;
    // A server that is too old, or one that refuses: publishing reports what matters.
    if (name === 'ReplyError' && !isRefusalOfReplica(message)) return null;
    throw error;
  }
}

export async function releaseRedis(redis: Redis, { id, where }: KnownOwner): Promise<void> {
  await redis.eval(RELEASE, 0, id, ownName(where));
}

const ownName = (where: string): string => `${where}, process ${process.pid}`;

const LOOK = `
local before = redis.call('SET', '${OWNER_KEY}', '', 'XX', 'GET', 'KEEPTTL')
if not before then return '' end
redis.call('SET', '${OWNER_KEY}', before, 'KEEPTTL')
return before`;

/** As `claimRedis`, without a claim: for a reader beside the publisher. */
export async function redisTakenBy(redis: Redis, { id }: Owner): Promise<string | null> {
  try {
    const standing = (await redis.eval(LOOK, 0)) as string;
    const end = standing.indexOf(' ');
    return id === null || standing === '' || standing.slice(0, end) === id ? null : standing.slice(end + 1);
  } catch (error) {
    if ((error as Error).name === 'ReplyError') return null;
    throw error;
  }
}
