import { counted } from '../counted.ts';
import type { GoLiveCatalog, GoLiveText } from './golive_words.ts';

const text = (seen: string, fix = ''): GoLiveText => ({ seen, fix });
const count = (value: string | number | undefined, noun: string): string => counted(Number(value), noun);

const FEEDER = 'Start the feeder: the expert advisor, `minutehand collect`, or POST /bars. docs/guides/GO_LIVE.md';
const COSTS =
  'Put your broker’s costs into `symbols` of minutehand.yaml; `minutehand bars learn-spreads` measures the spread.';

const CALENDAR = 'Let the expert advisor send it (InpNews), or import a newer file: `minutehand news import <file>`.';

export const GO_LIVE_EN: GoLiveCatalog = {
  words: {
    reported: (of) => text(String(of['seen']), String(of['fix'])),
    market_live: () => text('live'),
    market_simulated: () =>
      text(
        'simulated: prices are made by a program',
        'Set `market: live` in minutehand.yaml, or MINUTEHAND_MARKET=live.',
      ),
    daemon_up: (of) => text(`${of['shards']} answers`),
    daemon_down: (of) => text(`no answer from ${of['shards']}`, 'Start all with `minutehand up`, or as services.'),
    daemon_other_market: (of) =>
      text(
        `${of['shards']} serves another market than this command reads`,
        'MINUTEHAND_MARKET counts for one terminal: set it in this one too, or set `market` in minutehand.yaml and restart.',
      ),
    bars_never: (of) => text(`no bar of ${of['symbols']} since the daemon started`, FEEDER),
    bars_old: (of) => text(`the last bars of ${of['symbols']} are older than five minutes`, FEEDER),
    bars_refused: (of) =>
      text(
        `an import would refuse the bars that the daemon received: ${of['why']}`,
        'Mend the feeder. `minutehand bars check` shows the verdict of every symbol.',
      ),
    bars_arrive: (of) => text(`${of['symbols']} of ${of['symbols']} symbols`),
    bars_closed: (of) => text(`${of['symbols']} of ${of['symbols']} symbols; the market is closed now`),
    clock_wrong: (of) =>
      text(
        `the weeks of ${of['symbol']} begin at ${of['hours']} in New York; expected is one hour from 17:00 to 20:00`,
        '`minutehand bars undo`, then import again with the right `--timezone`; check the time zone of the feeder.',
      ),
    clock_unseen: (of) =>
      text(
        `${of['judged']} of ${of['symbols']} symbols have two openings of a week, from which the time zone is seen`,
        'Import a month or more of bars. A market without weekends never shows it: compare one bar with your broker’s chart in UTC.',
      ),
    clock_right: (of) => text(`the weeks of ${count(of['symbols'], 'symbol')} begin at one hour of New York`),
    sessions_apart: (of) =>
      text(
        `the legs of ${of['pair']} have only ${of['percent']} % of their minutes in common`,
        'Feed both legs in the same sessions (a minute without a trade as `empty`), or leave the pair out of `pairs`.',
      ),
    sessions_unknown: () => text('no pair has recent bars of both legs', 'See history.'),
    sessions_together: (of) => text(`the legs of ${count(of['pairs'], 'pair')} trade at the same times`),
    costs_missing: (of) => text(`no costs of ${of['symbols']}`, COSTS),
    costs_zero: (of) => text(`the costs of ${of['symbols']} are too small to be true, and count as unknown`, COSTS),
    costs_delivered: (of) => text(`the costs of ${of['symbols']} are as delivered, an estimate`, COSTS),
    costs_set: (of) => text(`set for ${count(of['symbols'], 'symbol')}`),
    history_short: (of) =>
      text(
        `fewer than the ${of['needed']} recent bars that training needs: ${of['symbols']}`,
        '`minutehand bars import` adds history; it must lead up to now without a gap of more than five days.',
      ),
    history_long: (of) => text(`${of['needed']} recent bars or more of each of ${count(of['symbols'], 'symbol')}`),
    models_missing: (of) =>
      text(
        `none is active for ${of['subjects']}`,
        '`minutehand train --adopt`, `minutehand train --strategy direction`; see docs/guides/TRAIN.md.',
      ),
    models_refused: (of) => text(`${of['code']}: ${of['message']}`, String(of['next'])),
    models_active: (of) => text(String(of['versions'])),
    gates_overridden: (of) =>
      text(
        `${of['version']} is in use despite failed gates: ${of['gates']}`,
        'Train better ones: `minutehand train --adopt`, `minutehand train --strategy direction`.',
      ),
    rule_overridden: (of) =>
      text(
        `the rule ${of['version']} of ${of['subject']} is in use despite failed gates: ${of['gates']}`,
        `End it: \`minutehand strategy stop ${of['subject']}\`, or promote a better one.`,
      ),
    gates_nothing: () => text('no models to judge', 'See models.'),
    gates_passed: () => text('the models in use passed every gate'),
    edge_nothing: () => text('no models to judge', 'See models.'),
    edge_none: (of) =>
      text(
        `0 of ${count(of['subjects'], 'subject')} earn more than they cost: every signal is HOLD NO_EDGE`,
        'Nothing to trade yet. Lower costs, other pairs or more history may change it; do not trade without.',
      ),
    edge_some: (of) => text(`${of['count']} of ${of['subjects']}: ${of['names']}`),
    news_off: () => text('news_stop is off: entries are made near events too'),
    news_known: () => text('the calendar reaches more than a day ahead'),
    news_none: () => text('NEWS_STALE: no calendar, so that news_stop stops nothing', CALENDAR),
    news_stale: (of) =>
      text(`NEWS_STALE: the calendar ends at ${of['until']} UTC, and news_stop needs a day ahead`, CALENDAR),
    channel_problem: (of) => text(String(of['problem']), 'Correct the variable, then restart the trainer.'),
    channel_none: () => text('no channel', 'Set one, such as MINUTEHAND_SLACK_URL: docs/reference/NOTIFICATIONS.md.'),
    channel_untested: (of) =>
      text(`${of['channels']}: nothing was sent in ${of['days']} days`, '`minutehand alerts test`'),
    channel_tested: (of) => text(`${of['channels']}: took a message on ${of['day']}`),
    backup_unseen: () =>
      text(
        'minutehand cannot see copies outside this machine',
        'Back up home and configuration daily, and restore one once: docs/guides/OPERATE.md.',
      ),
    standby_some: () => text('another daemon takes over'),
    standby_none: () =>
      text(
        'none: without this machine or process there are no signals, and open positions are closed by the consumer alone',
        'Start a standby, if that is not enough: docs/guides/OPERATE.md.',
      ),
    folders_right: () => text('outside OneDrive, and no deeper than Windows opens'),
    folders_wrong: (of) => text(String(of['warning']), 'Move it. `minutehand doctor` names every such folder.'),
    exchange_absent: (of) =>
      text(
        `there is no folder ${of['folder']}`,
        'Set MINUTEHAND_EXCHANGE to the folder that the terminals share, and start again: docs/guides/GO_LIVE.md.',
      ),
    exchange_common: (of) => text(`signals and fills are in ${of['folder']}, which every terminal reads`),
    exchange_elsewhere: (of) =>
      text(
        `signals are in ${of['folder']}: no terminal reads there`,
        'For MetaTrader, set MINUTEHAND_EXCHANGE to its folder `Common\\Files`: docs/guides/GO_LIVE.md. Other programs need nothing.',
      ),
    service_task: () => text('a task of the Task Scheduler starts everything at boot'),
    service_none: () =>
      text(
        'none: after Windows restarts, as its updates do, nothing runs until somebody starts it',
        '`npx minutehand service install` in a prompt of an administrator.',
      ),
    sleep_never: () => text('this machine never sleeps on mains power'),
    sleep_after: (of) =>
      text(
        `this machine sleeps after ${count(of['minutes'], 'minute')} without input; asleep, it has no signals`,
        '`powercfg /change standby-timeout-ac 0` and `powercfg /change hibernate-timeout-ac 0`.',
      ),
    sleep_unknown: () =>
      text('the power plan cannot be read', 'See in the settings of Windows that this machine never sleeps.'),
    time_kept: () => text('the time service of Windows runs; bars, signals and the terminal have its clock'),
    time_free: () =>
      text(
        'the time service of Windows does not run: unless another program sets the clock, it drifts',
        '`sc config w32time start= auto`, `net start w32time`, `w32tm /resync` in a prompt of an administrator.',
      ),
    time_unknown: () =>
      text('the time service of Windows cannot be asked', '`w32tm /query /status` shows how the clock is set.'),
    consumer_none: () =>
      text(
        'no program has reported a fill of this market',
        '`minutehand ea` trades on paper; the expert advisor too, by default: docs/guides/METATRADER.md.',
      ),
    consumer_some: (of) => text(String(of['places'])),
    paper_done: (of) => text(paperText(of)),
    paper_short: (of) =>
      text(
        paperText(of),
        `Trade on paper until ${of['needed_positions']} positions on ${of['needed_days']} days are closed, and compare them with the backtest: \`minutehand report\`. Then a demo account.`,
      ),
  },
};

function paperText(of: Parameters<GoLiveCatalog['words']['paper_done']>[0]): string {
  return `${count(of['positions'], 'closed position')} on ${count(of['days'], 'day')} of the ${of['market']} market`;
}
