import { useState } from 'preact/hooks';
import { t } from '../text/text.ts';
import { ConfirmedButton } from './basics.tsx';

interface Props {
  readonly label: string;
  readonly question: string;
  readonly start: () => Promise<{ readonly run_id: number }>;
}

/** Starts a search or a judgement of rules after a question, and names the run that has begun. */
export function RuleRunButton({ label, question, start }: Props) {
  const [begun, setBegun] = useState<number | null>(null);
  return (
    <>
      <ConfirmedButton label={label} question={question} act={async () => setBegun((await start()).run_id)} />
      <span class="note" role="status">
        {begun !== null && t('strategies.begun', { id: begun })}
      </span>
    </>
  );
}
