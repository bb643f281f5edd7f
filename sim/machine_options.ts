import type { FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { Settings } from '../shared/policy/policy.ts';
import type { Rng } from '../shared/ports.ts';
import type { DirectionTrainer } from './directions.ts';
import type { SimulatedDisk } from './disk.ts';
import type { LeaseWorld } from './lease_world.ts';
import type { MemoryJournal } from './memory_journal.ts';
import type { Oracle } from './oracle.ts';
import type { PlantedBug } from './planted.ts';
import type { SimulatedRedis } from './redis.ts';
import type { RuleTrainer } from './rules.ts';
import type { Sighting } from './sightings.ts';
import type { Weather } from './swarm.ts';
import type { Timeline } from './timeline.ts';
import type { Prepare, Trainer } from './trainer.ts';
import type { Truth } from './truth.ts';
import type { Variety } from './variety.ts';

export interface MachineOptions {
  readonly timeline: Timeline;
  /** Randomness of machine events and of processes. */
  readonly rng: Rng;
  readonly processRng: Rng;
  readonly settings: Settings;
  readonly schema: FeatureSchema;
  readonly storm: Weather;
  readonly stormMs: number;
  readonly planted: PlantedBug | null;
  readonly signalsFolder: string;
  readonly modelsFolder: string;
  readonly disk: SimulatedDisk;
  readonly journal: MemoryJournal;
  readonly redis: SimulatedRedis;
  readonly oracle: Oracle;
  readonly truth: Truth;
  readonly trainer: Trainer;
  readonly directions: DirectionTrainer;
  readonly rules: Pick<RuleTrainer, 'open'>;
  readonly lease: LeaseWorld | null;
  readonly variety: Variety | null;
  /** Reads and verifies models. */
  readonly prepare: Prepare;
  wallMs(): number;
  weather(): Weather;
  /** Called when a file or WebSocket publishes a signal. */
  onText(text: string): void;
  onModelsFailed(): void;
  /** Newest minute that the feeder has of any symbol, epoch seconds. */
  newestMinute(): number;
  see(sighting: Sighting): void;
  trace(line: () => string): void;
  onViolation(rule: string, what: string): void;
}
