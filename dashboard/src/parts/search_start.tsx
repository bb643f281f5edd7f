import { useState } from 'preact/hooks';
import { api } from '../api.ts';
import { session } from '../live.ts';
import { t } from '../text/text.ts';
import { Empty, Panel } from './basics.tsx';
import { Choice } from './choice.tsx';
import { RuleRunButton } from './rule_run_button.tsx';

interface Props {
  readonly spaces: readonly string[];
  readonly instruments: readonly string[];
}

/** Starts a search of rules in a configured space. */
export function SearchStart({ spaces, instruments }: Props) {
  const [chosenSpace, setSpace] = useState<string | null>(null);
  const [chosenInstrument, setInstrument] = useState<string | null>(null);
  if (session.value?.role === 'viewer') return null;
  const space = chosenSpace ?? spaces[0];
  const instrument = chosenInstrument ?? instruments[0];
  return (
    <Panel title={t('strategies.start')}>
      {space === undefined || instrument === undefined ? (
        <Empty text={t(instrument === undefined ? 'strategies.noInstruments' : 'strategies.noSpaces')} />
      ) : (
        <div class="form fields">
          <Choice label={t('strategies.space')} value={space} values={spaces} onChange={setSpace} />
          <Choice label={t('strategies.instrument')} value={instrument} values={instruments} onChange={setInstrument} />
          <RuleRunButton
            label={t('strategies.start')}
            question={t('strategies.confirmStart', { space, instrument })}
            start={() => api.post('/api/strategies/start', { body: { space, instrument } })}
          />
        </div>
      )}
    </Panel>
  );
}
