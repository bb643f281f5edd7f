import { api, type Job } from '../api.ts';
import { t } from '../text/text.ts';
import { Empty, Failure, Loading, Panel, useLoaded } from './basics.tsx';
import { WaysLeagueResultView } from './ways_league_result.tsx';
import { LeagueResultView } from './league_result.tsx';

const LEAGUES: readonly string[] = ['league', 'direction_league'];

/** What a league has answered, or why there is nothing yet. Other kinds have pages of their own, or their log. */
export function JobResult({ job }: { readonly job: Job }) {
  if (!LEAGUES.includes(job.kind)) return null;
  return (
    <Panel title={t('league.result')} wide>
      <State job={job} />
    </Panel>
  );
}

function State({ job: { job_id, status } }: { readonly job: Job }) {
  switch (status) {
    case 'queued':
    case 'running':
      return <Empty text={t('league.notYet')} />;
    case 'canceled':
    case 'killed':
      return <Empty text={t('league.interrupted')} />;
    case 'done':
    case 'failed':
      return <Result key={job_id} jobId={job_id} hasFailed={status === 'failed'} />;
  }
}

/** A league can fail with a result: of a market of coins that shows an edge. */
function Result({ jobId, hasFailed }: { readonly jobId: number; readonly hasFailed: boolean }) {
  const { data, error } = useLoaded(
    () => api.get('/api/jobs/{job_id}/result', { path: { job_id: jobId } }),
    String(jobId),
  );
  if (error?.code === 'JOB_NO_RESULT') return <Empty text={t(hasFailed ? 'league.hasFailed' : 'league.notKept')} />;
  if (error !== null) return <Failure error={error} />;
  if (data === null) return <Loading />;
  if (data.kind === 'league') return <LeagueResultView league={data.result} />;
  if (data.kind === 'direction_league') return <WaysLeagueResultView league={data.result} />;
  return <Empty text={t('league.notKept')} />;
}
