import { homePaths, type HomePaths } from '../shared/home.ts';
import { shardsOf, type Settings } from '../shared/policy/policy.ts';
import type { Output } from './output.ts';
import { lookAtDaemon } from './status/daemon_state.ts';

/**
 * Tells a person whose terminal names another market than the running daemons serve: what the command reads is of
 * bars that they do not answer, and looks as if nothing had happened since.
 */
export async function noteOtherMarket(
  settings: Settings,
  asked: { readonly market?: string },
  output: Pick<Output, 'note'>,
  paths: HomePaths = homePaths(),
): Promise<void> {
  const { market } = settings.minutehand;
  if (asked.market !== undefined) return;
  const daemons = await Promise.all(shardsOf(settings.minutehand).map((shard) => lookAtDaemon(settings, paths, shard)));
  const served = daemons.flatMap(({ health }) => health?.market ?? []);
  const other = served.find((one) => one !== market);
  if (other === undefined || served.includes(market)) return;
  output.note(
    `warning: this is the ${market} market; the running daemon serves the ${other} one. Give --market ${other}, or MINUTEHAND_MARKET=${other} in this terminal too.`,
  );
}
