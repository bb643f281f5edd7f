import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runColumn } from '../shared/policy/run_columns.ts';
import { inspectSettings } from '../shared/policy/policy.ts';
import { packageRoot } from '../shared/root.ts';

/*
 * Policy files word for word as the specification has them: only its keys, columns as maps, and entries without
 * descriptions.
 */

const CORE = `
theta1_initial:
  value: 0.70
  label_ja: "θ1初期値"
  description: "return_prob の初期閾値"

theta2_initial:
  value: 0.30
  label_ja: "θ2初期値"
  description: "risk_score の初期閾値"

theta_search_range:
  value:
    theta1: [0.60, 0.85]
    theta2: [0.20, 0.45]
  label_ja: "θ探索範囲"
  description: "ベイズ最適化で探索するレンジ"

theta_step:
  value: 0.01
  label_ja: "θ探索刻み"
  description: "初期グリッド探索の刻み幅"

risk_label_dd_threshold:
  value: 0.06
  label_ja: "リスクラベルDD閾値"
  description: "過去DDが閾値を超えたらリスクラベル=1"

risk_label_vol_ratio:
  value: 1.8
  label_ja: "リスクラベルATR比"
  description: "ATR比が閾値超過でリスクラベル=1"

risk_label_corr_drop:
  value: -0.15
  label_ja: "リスクラベル相関低下"
  description: "相関変化が閾値以下でリスクラベル=1"
`;
const RETRAIN = `
retrain_cron:
  value: "0 3 1 * *"
  label_ja: "再学習スケジュール"
  description: "毎月1日 03:00 UTC"

retrain_retry_max:
  value: 2
  label_ja: "再学習リトライ回数"

retrain_retry_delay_minutes:
  value: 60
  label_ja: "リトライ待機時間"

retrain_notification_channel:
  value: "#ml-ops"
  label_ja: "再学習通知チャネル"

model_version_retention:
  value: 5
  label_ja: "モデル保持数"

retrain_runs_table:
  value: "audit.retrain_runs"
  label_ja: "再学習実行テーブル"
  description: "再学習ジョブの実行履歴"

retrain_runs_columns:
  value:
    - { name: "run_id", type: "uuid", comment: "再学習ジョブID" }
    - { name: "started_at", type: "timestamptz", comment: "開始時刻" }
    - { name: "ended_at", type: "timestamptz", comment: "終了時刻" }
    - { name: "status", type: "text", comment: "success/failed/retrying/aborted" }
    - { name: "retry_count", type: "smallint", comment: "リトライ回数" }
    - { name: "model_version", type: "text", comment: "新モデル版" }
    - { name: "theta1", type: "numeric(6,4)", comment: "探索結果θ1" }
    - { name: "theta2", type: "numeric(6,4)", comment: "探索結果θ2" }
    - { name: "metrics", type: "jsonb", comment: "評価指標" }
    - { name: "log_path", type: "text", comment: "ログファイルパス" }
    - { name: "error_message", type: "text", comment: "失敗時の要約" }
  label_ja: "再学習カラム定義"
  description: "再学習テーブルのカラムリスト"
`;
const SIGNALS = `
signals_table:
  value: "core.signals_live"
  label_ja: "シグナルテーブル"
  description: "リアルタイムシグナルの保存先"

signals_history_table:
  value: "core.signals_history"
  label_ja: "シグナル履歴テーブル"
  description: "日次アーカイブ用"

archive_target:
  value: "NAS"
  label_ja: "アーカイブ先"
  description: "\`NAS\` / \`LOCAL\` / \`S3\` / \`WASABI\` / \`B2\` を環境変数で切り替え"

archive_path:
  value: "/mnt/archive/signals"
  label_ja: "アーカイブパス"
  description: "NASまたはローカルの保存先。S3の場合はバケット名。"
`;

/** Absent where the specification is not beside the checkout. */
const SPECIFICATION = join(packageRoot(), '..', 'shared', 'spec', 'S2-ml-assets-core.md');

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
    expect(signals).toEqual({ ...delivered.signals, archive_target: 'NAS', archive_path: '/mnt/archive/signals' });
    expect({ ...retrain, retrain_runs_columns: [] }).toEqual({ ...delivered.retrain, retrain_runs_columns: [] });
    const names = retrain.retrain_runs_columns.map(runColumn).map(({ name }) => name);
    expect(names).toEqual(delivered.retrain.retrain_runs_columns.slice(0, 11));
    expect(sources.delivered).toContain('core.require_edge');
    expect(sources.delivered).toContain('retrain.monitor_minutes');
    expect(sources.delivered).toContain('signals.archive_region');
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

  it.skipIf(!existsSync(SPECIFICATION))('are the blocks of the specification, to the letter', () => {
    const blocks = [...readFileSync(SPECIFICATION, 'utf8').matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) =>
      text!.trim(),
    );
    const specified = blocks.filter((text) => text.includes('label_ja'));
    expect(specified).toHaveLength(5);
    for (const text of specified) expect([CORE, RETRAIN, SIGNALS].some((own) => own.includes(text))).toBe(true);
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
    write('core', CORE.replace('  value: 1.8\n', ''));
    expect(texts()).toEqual([expect.stringContaining('risk_label_vol_ratio') as string]);
    write('core', CORE);
    write('retrain', RETRAIN.replace('type: "smallint"', 'type: "uuid"'));
    expect(texts()).toEqual([
      expect.stringMatching(/^retrain_runs_columns\.value\[4\]\.type is "uuid", expected one of smallint/) as string,
    ]);
    write('retrain', RETRAIN.replace('comment: "ログ', 'commment: "ログ'));
    expect(texts()).toEqual([expect.stringContaining('commment is not a key of this file') as string]);
  });
});
