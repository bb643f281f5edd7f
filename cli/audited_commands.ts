/*
 * Every command either changes an installation, and then stands in the audit, or is listed with the reason why it does
 * not (cli/audited_commands.unit.test.ts).
 */

/** Commands that change models, policy, tokens, bars, halts, alerts or records of an installation. */
export const AUDITED_COMMANDS: readonly string[] = [
  'alerts ack',
  'alerts silence',
  'bars delete',
  'bars import',
  'bars replace',
  'bars undo',
  'direction train',
  'job run',
  'models note',
  'models promote',
  'models recover',
  'models resume',
  'models rollback',
  'models shadow',
  'models sign',
  'policy approve',
  'policy propose',
  'policy reject',
  'policy restore',
  'rollout abort',
  'rollout advance',
  'rollout start',
  'series archive',
  'series import',
  'signals archive',
  'signals restore',
  'token create',
  'token link',
  'token revoke',
  'train',
];

/** Why the other commands are not audited. */
export const UNAUDITED_COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'they only read': [
    ...[
      'alerts list',
      'audit verify',
      'bars check',
      'bars history',
      'bars learn-spreads',
      'config check',
      'config show',
      'doctor',
    ],
    ...[
      'explain',
      'job schema',
      'models list',
      'models show',
      'models verify',
      'parity verify',
      'policy list',
      'policy show',
    ],
    ...['rollout status', 'runs list', 'service status', 'signal verify', 'signals days', 'signals list'],
    ...['signals verify', 'status', 'token list', 'trades check', 'trades list'],
  ],
  'they write files of results only': [
    ...[
      'backtest',
      'bars export',
      'bench',
      'direction evaluate',
      'check ml-models',
      'dataset export',
      'docs',
      'features',
      'fit',
      'parity',
    ],
    ...['replay', 'report', 'scan', 'sim', 'sim rollout', 'trades export'],
  ],
  'they are the processes themselves, and their clients': ['collect', 'daemon', 'ea', 'trainer', 'up'],
  'the trainer records the request': ['runs cancel', 'runs start'],
  'the trainer or systemd starts them': ['alerts unit', 'policy evidence'],
  'it writes its entry itself, with the anchors that it sets aside': ['audit restart'],
  'they only send a message': ['alerts test'],
  'the system’s journal has them': ['service install', 'service uninstall'],
};
