import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runColumn } from '../shared/policy/run_columns.ts';
import { inspectSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';

/*
 * Policy files in the form of the specification: only its keys, with values of its types, columns as maps, and entries
 * without descriptions.
 */

const CORE = `
theta1_initial:
  value: 0.70
  label_ja: エントリー閾値（θ1）初期値
theta2_initial:
  value: 0.30
  label_ja: リスク閾値（θ2）初期値
theta_search_range:
  value:
    theta1: [0.60, 0.85]
    theta2: [0.20, 0.45]
  label_ja: 閾値探索範囲
theta_step:
  value: 0.01
  label_ja: 探索刻み
risk_label_dd_threshold:
  value: 0.06
  label_ja: DD閾値
risk_label_vol_ratio:
  value: 1.8
  label_ja: ボラ急騰比率
risk_label_corr_drop:
  value: -0.15
  label_ja: 相関急落幅
  description: corr(t+N) − corr(t)
`;
const RETRAIN = `
retrain_cron:
  value: "0 3 1 * *"
  label_ja: 再学習スケジュール
retrain_retry_max:
  value: 2
  label_ja: 最大再試行回数
retrain_notification_channel:
  value: "#ml-ops"
  label_ja: 通知先
model_version_retention:
  value: 5
  label_ja: モデル保持数
retrain_runs_table:
  value: audit.retrain_runs
  label_ja: 再学習履歴テーブル
retrain_runs_columns:
  value:
    - { name: run_id, type: uuid, comment: 実行ID }
    - { name: started_at, type: timestamp, comment: 開始時刻 }
    - { name: ended_at, type: timestamp, comment: 終了時刻 }
    - { name: status, type: text, comment: success / failed / retrying / aborted }
    - { name: retry_count, type: smallint, comment: 再試行回数 }
    - { name: model_version, type: text, comment: モデル版 }
    - { name: theta1, type: "numeric(6,4)", comment: θ1 }
    - { name: theta2, type: "numeric(6,4)", comment: θ2 }
    - { name: metrics, type: jsonb, comment: 評価指標 }
    - { name: log_path, type: text, comment: ログ }
    - { name: error_message, type: text, comment: エラー }
  label_ja: 再学習履歴テーブルの列
`;
const SIGNALS = `
signals_table:
  value: core.signals_live
  label_ja: 最新シグナル
signals_history_table:
  value: core.signals_history
  label_ja: シグナル履歴
archive_target:
  value: NAS
  label_ja: アーカイブ先
`;

type Labels = Readonly<Record<string, { readonly label_ja: string; readonly description?: string }>>;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'minutehand-specified-'));
  cpSync(join(packageRoot(), 'config'), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): void => writeFileSync(join(folder, `${name}_policy.yaml`), text);
const inspect = () => inspectSettings({ configDir: folder, env: {} });
const texts = (): string[] => inspect().problems.map(({ key, text }) => `${key} ${text}`);

describe('policy files with the keys of the specification alone', () => {
  it('are valid, and missing values have their delivered defaults', () => {
    const delivered = inspect().settings!;
    expect(delivered.sources.delivered).toEqual([]);
    write('core', CORE);
    write('retrain', RETRAIN);
    write('signals', SIGNALS);
    const { settings, problems } = inspect();
    expect(problems).toEqual([]);
    const { core, retrain, signals, sources } = settings!;
    expect(core).toEqual(delivered.core);
    expect(signals).toEqual({ ...delivered.signals, archive_target: 'NAS' });
    expect({ ...retrain, retrain_runs_columns: [] }).toEqual({ ...delivered.retrain, retrain_runs_columns: [] });
    const names = retrain.retrain_runs_columns.map(runColumn).map(({ name }) => name);
    expect(names).toEqual(delivered.retrain.retrain_runs_columns.slice(0, 11));
    expect(sources.delivered).toContain('core.require_edge');
    expect(sources.delivered).toContain('retrain.monitor_minutes');
    expect(sources.delivered).toContain('signals.archive_path');
  });

  it.each([
    ['core', CORE],
    ['retrain', RETRAIN],
    ['signals', SIGNALS],
  ])('have the labels and begin the descriptions that %s_policy.yaml is delivered with', (part, specified) => {
    const delivered = parse(readFileSync(join(packageRoot(), 'config', `${part}_policy.yaml`), 'utf8')) as Labels;
    for (const [key, { label_ja, description = '' }] of Object.entries(parse(specified) as Labels)) {
      expect([key, delivered[key]?.label_ja]).toEqual([key, label_ja]);
      expect([key, delivered[key]?.description?.startsWith(description)]).toEqual([key, true]);
    }
  });

  it('may have stages of a rollout that end with the duration ongoing', () => {
    const duration = 'ongoing';
    const stages = `
deployment_stages:
  value:
    - { name: test, allocation: 0.1, duration: 24h }
    - { name: pilot, allocation: 0.3, duration: 3d }
    - { name: rollout, allocation: 0.7, duration: 7d }
    - { name: full, allocation: 1.0, duration: ${duration} }
  label_ja: 段階的展開のステージ
`;
    write('retrain', RETRAIN + stages);
    expect(texts()).toEqual([]);
    expect(inspect().settings!.retrain.deployment_stages.at(-1)).toEqual({ name: 'full', allocation: 1, duration });
    write('retrain', RETRAIN + stages.replace(`duration: ${duration}`, 'duration: 9d'));
    expect(texts()).toEqual([expect.stringContaining('deployment_stages') as string]);
  });

  it('are refused where a key is misspelled, an entry has no value, or a column has a type that its values do not fit', () => {
    write('core', CORE.replace('theta_step', 'theta_stepp'));
    expect(texts()).toEqual(['theta_stepp is not a key of this file (did you mean "theta_step"?)']);
    write('core', CORE.replace('value: 1.8\n', ''));
    expect(texts()).toEqual([expect.stringContaining('risk_label_vol_ratio') as string]);
    write('core', CORE);
    write('retrain', RETRAIN.replace('type: smallint', 'type: uuid'));
    expect(texts()).toEqual([
      expect.stringMatching(/^retrain_runs_columns\.value\[4\]\.type is "uuid", expected one of smallint/) as string,
    ]);
    write('retrain', RETRAIN.replace('comment: ログ', 'commment: ログ'));
    expect(texts()).toEqual([expect.stringContaining('commment is not a key of this file') as string]);
  });
});
