import { marketJa } from '../signal/market_ja.ts';
import type { GoLiveCatalog, GoLiveText } from './golive_words.ts';

const text = (seen: string, fix = ''): GoLiveText => ({ seen, fix });

const FEEDER = '足の供給を始めてください：EA、`minutehand collect`、または POST /bars。docs/guides/GO_LIVE.md';
const COSTS =
  'minutehand.yaml の `symbols` にブローカーの実コストを設定してください。スプレッドは `minutehand bars learn-spreads` で測れます。';

/** Why daemons refuse models, by the code of the error. */
const REFUSALS: Readonly<Record<string, string>> = {
  MODEL_MARKET: '別の市場のデータで学習されています',
  MODEL_SIMULATED: 'シミュレーション市場のデータで学習されています',
  MODEL_TIMEFRAME: '設定にない時間足で学習されています',
  MODEL_SCHEMA: '特徴量のスキーマが設定と一致しません',
  MODEL_HASH: 'ファイルが変更されています',
  MODEL_SIGNATURE: '署名がないか、正しくありません',
  MODEL_MISSING: 'バンドルまたはファイルがありません',
  MODEL_MANIFEST: 'マニフェストまたはポインターを読み取れません',
  MODEL_SYMBOLS: '受信していないシンボルを計算に使います',
  POINTER_ROLLBACK: 'ポインターが、すでに受け入れたものより古いです',
  POINTER_SIGNATURE: 'ポインターの署名がないか、正しくありません',
  POINTER_EXPIRED: 'ポインターの有効期限が切れています',
};

/** What a person types, of a next step in English. */
const commandsIn = (next: string): string => (next.match(/`[^`]+`/g) ?? []).join('、');

const CALENDAR = 'EA から送る（InpNews）か、新しいファイルを取り込んでください：`minutehand news import <file>`。';

export const GO_LIVE_JA: GoLiveCatalog = {
  words: {
    reported: (of) => text(String(of['seen']), String(of['fix'])),
    market_live: () => text('実市場'),
    market_simulated: () =>
      text(
        'シミュレーション：価格はプログラムが生成しています',
        'minutehand.yaml に `market: live`、または MINUTEHAND_MARKET=live を設定してください。',
      ),
    daemon_up: (of) => text(`${of['shards']} が応答しています`),
    daemon_down: (of) =>
      text(`${of['shards']} が応答しません`, '`minutehand up`、またはサービスとしてすべて起動してください。'),
    daemon_other_market: (of) =>
      text(
        `${of['shards']} の市場は、このコマンドが読む市場と異なります`,
        'MINUTEHAND_MARKET は設定した端末だけで有効です。この端末でも設定するか、minutehand.yaml の `market` を設定して再起動してください。',
      ),
    bars_never: (of) => text(`デーモンの起動以来、${of['symbols']} の足が届いていません`, FEEDER),
    bars_old: (of) => text(`${of['symbols']} の最後の足は5分以上前のものです`, FEEDER),
    bars_refused: (of) =>
      text(
        `デーモンが受信した足は、取り込みなら拒否されます：${of['why']}`,
        '供給元を修正してください。`minutehand bars check` で全シンボルの判定を確認できます。',
      ),
    bars_arrive: (of) => text(`${of['symbols']} シンボルすべてが届いています`),
    bars_closed: (of) => text(`${of['symbols']} シンボルすべて。市場は現在休場です`),
    clock_wrong: (of) =>
      text(
        `${of['symbol']} の週はニューヨーク時間 ${of['hours']} に始まっています（17:00〜20:00 のいずれか1つのはずです）`,
        '`minutehand bars undo` の後、正しい `--timezone` で取り込み直してください。供給元のタイムゾーンも確認してください。',
      ),
    clock_unseen: (of) =>
      text(
        `${of['symbols']} シンボル中 ${of['judged']} で、タイムゾーンを判断できる週の始まりが2回あります`,
        '1か月以上の足を取り込んでください。週末のない市場では判断できないので、足の1本をブローカーのチャート（UTC）と比べてください。',
      ),
    clock_right: (of) => text(`${of['symbols']} シンボルの週はニューヨークの同じ時刻に始まっています`),
    sessions_apart: (of) =>
      text(
        `${of['pair']} の両レッグで共通する分は ${of['percent']} % だけです`,
        '両レッグを同じ取引時間で送るか（約定のない分は `empty`）、`pairs` から外してください。',
      ),
    sessions_unknown: () => text('両レッグの最近の足があるペアがありません', '履歴を参照してください。'),
    sessions_together: (of) => text(`${of['pairs']} ペアの両レッグは同じ時間に取引されています`),
    costs_missing: (of) => text(`${of['symbols']} のコストがありません`, COSTS),
    costs_zero: (of) => text(`${of['symbols']} のコストが小さすぎて現実的でなく、不明として扱われます`, COSTS),
    costs_delivered: (of) => text(`${of['symbols']} のコストは初期値（推定）のままです`, COSTS),
    costs_set: (of) => text(`${of['symbols']} シンボルに設定済み`),
    history_short: (of) =>
      text(
        `学習に必要な最近の足 ${of['needed']} 本に足りません：${of['symbols']}`,
        '`minutehand bars import` で履歴を追加してください。5日を超える空白なく現在まで続く必要があります。',
      ),
    history_long: (of) => text(`${of['symbols']} シンボルそれぞれに最近の足が ${of['needed']} 本以上あります`),
    models_missing: (of) =>
      text(
        `${of['subjects']} のアクティブなモデルがありません`,
        '`minutehand train --adopt`、`minutehand train --strategy direction`。docs/guides/TRAIN.md を参照してください。',
      ),
    models_refused: (of) =>
      text(
        `デーモンはモデルを拒否します（${of['code']}）：${REFUSALS[String(of['code'])] ?? of['message']}`,
        `原因を調べ、別のバージョンを有効にするか、学習し直してください。${commandsIn(String(of['next']))}`,
      ),
    models_active: (of) => text(String(of['versions'])),
    gates_overridden: (of) =>
      text(
        `${of['version']} は不合格のゲートがあるまま使われています：${of['gates']}`,
        'より良いモデルを学習してください：`minutehand train --adopt`、`minutehand train --strategy direction`。',
      ),
    rule_overridden: (of) =>
      text(
        `${of['subject']} のルール ${of['version']} は不合格のゲートがあるまま使われています：${of['gates']}`,
        `\`minutehand strategy stop ${of['subject']}\` で停止するか、より良いルールを昇格してください。`,
      ),
    gates_nothing: () => text('判定するモデルがありません', 'モデルを参照してください。'),
    gates_passed: () => text('使用中のモデルはすべてのゲートに合格しています'),
    edge_nothing: () => text('判定するモデルがありません', 'モデルを参照してください。'),
    edge_none: (of) =>
      text(
        `${of['subjects']} 対象のうち、コスト以上に稼ぐものは 0 です。シグナルはすべて HOLD NO_EDGE になります`,
        'まだ取引すべきものがありません。コストの低減、別のペア、より長い履歴で変わることがあります。優位性なしに取引しないでください。',
      ),
    edge_some: (of) => text(`${of['subjects']} のうち ${of['count']}：${of['names']}`),
    news_off: () => text('news_stop はオフです。経済指標の前後でもエントリーします'),
    news_known: () => text('カレンダーは1日以上先まで届いています'),
    news_none: () => text('NEWS_STALE：カレンダーがないため、news_stop は何も止めません', CALENDAR),
    news_stale: (of) =>
      text(`NEWS_STALE：カレンダーは ${of['until']} UTC までです。news_stop には1日先まで必要です`, CALENDAR),
    channel_problem: (of) => text(String(of['problem']), '変数を修正し、トレーナーを再起動してください。'),
    channel_none: () =>
      text('通知先がありません', 'MINUTEHAND_SLACK_URL などを設定してください：docs/reference/NOTIFICATIONS.md'),
    channel_untested: (of) =>
      text(`${of['channels']}：${of['days']} 日間、何も送られていません`, '`minutehand alerts test`'),
    channel_tested: (of) => text(`${of['channels']}：${of['day']} にメッセージが届いています`),
    backup_unseen: () =>
      text(
        'このマシンの外にあるコピーは確認できません',
        'ホームと設定を毎日バックアップし、一度は復元を試してください：docs/guides/OPERATE.md',
      ),
    standby_some: () => text('別のデーモンが引き継ぎます'),
    standby_none: () =>
      text(
        'ありません。このマシンやプロセスが止まるとシグナルはなくなり、建玉は発注プログラムだけが決済します',
        'それで不十分なら待機系を起動してください：docs/guides/OPERATE.md',
      ),
    folders_right: () => text('OneDriveの外にあり、Windowsが開ける深さに収まっています'),
    folders_wrong: (of) =>
      text(String(of['warning']), '移動してください。`minutehand doctor` が該当するフォルダーをすべて示します。'),
    exchange_absent: (of) =>
      text(
        `フォルダー ${of['folder']} がありません`,
        'MINUTEHAND_EXCHANGE にターミナル共有フォルダーを設定し、起動し直してください：docs/guides/GO_LIVE.md',
      ),
    exchange_common: (of) => text(`シグナルと約定は ${of['folder']} にあり、どのターミナルからも読めます`),
    exchange_elsewhere: (of) =>
      text(
        `シグナルは ${of['folder']} にあり、ターミナルからは読めません`,
        'MetaTraderを使う場合は MINUTEHAND_EXCHANGE をその `Common\\Files` に設定してください：docs/guides/GO_LIVE.md。他のプログラムなら不要です。',
      ),
    service_task: () => text('タスク スケジューラのタスクが起動時にすべてを開始します'),
    service_none: () =>
      text(
        'ありません。更新などでWindowsが再起動すると、誰かが起動するまで何も動きません',
        '管理者のプロンプトで `npx minutehand service install`',
      ),
    sleep_never: () => text('電源接続時、このマシンはスリープしません'),
    sleep_after: (of) =>
      text(
        `このマシンは入力がないと ${of['minutes']} 分でスリープし、その間シグナルは出ません`,
        '`powercfg /change standby-timeout-ac 0` と `powercfg /change hibernate-timeout-ac 0`',
      ),
    sleep_unknown: () =>
      text('電源プランを読み取れません', 'このマシンがスリープしないことをWindowsの設定で確認してください。'),
    time_kept: () => text('Windowsの時刻サービスが動作中です。バー、シグナル、ターミナルはその時計に従います'),
    time_free: () =>
      text(
        'Windowsの時刻サービスが動いていません。他のプログラムが合わせない限り、時計はずれていきます',
        '管理者のプロンプトで `sc config w32time start= auto`、`net start w32time`、`w32tm /resync`',
      ),
    time_unknown: () =>
      text('Windowsの時刻サービスの状態を確認できません', '時計の合わせ方は `w32tm /query /status` で分かります。'),
    consumer_none: () =>
      text(
        'この市場の約定を報告したプログラムがありません',
        '`minutehand ea` はペーパーで取引します。EAも初期設定ではペーパーです：docs/guides/METATRADER.md',
      ),
    consumer_some: (of) => text(String(of['places'])),
    paper_done: (of) => text(paperText(of)),
    paper_short: (of) =>
      text(
        paperText(of),
        `${of['needed_days']} 日間で ${of['needed_positions']} ポジションを決済するまでペーパーで取引し、バックテストと比べてください：\`minutehand report\`。その後にデモ口座へ進みます。`,
      ),
  },
};

function paperText(of: Parameters<GoLiveCatalog['words']['paper_done']>[0]): string {
  const market = marketJa(String(of['market']));
  return `${market}で ${of['days']} 日間に ${of['positions']} ポジションを決済`;
}
